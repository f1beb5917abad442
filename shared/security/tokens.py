"""Access tokens (JWT), refresh tokens, API keys and other random names."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt

from shared.errors import Unauthorized

API_KEY_PREFIX: Final = "rf_"
_ALGORITHM: Final = "HS256"
_ISSUER: Final = "rapidflow"
_AUDIENCE: Final = "rapidflow-api"
_ACCESS: Final = "access"
_REQUIRED: Final = ["iss", "aud", "exp", "iat", "sub", "typ", "tid", "epoch", "sid"]


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a checked access token says; the users row decides whether it still holds."""

    tenant_id: int
    user_id: int
    session_epoch: int
    family_id: UUID
    expires_at: datetime


class AccessTokens:
    """Issues and checks access tokens with one key, named by its `kid`."""

    def __init__(self, secret: str, *, minutes: int, leeway_seconds: int) -> None:
        key = secret.encode()
        self._kid = hashlib.sha256(b"kid|" + key).hexdigest()[:16]
        self._keys = {self._kid: key}
        self._life = timedelta(minutes=minutes)
        self._leeway = timedelta(seconds=min(leeway_seconds, 30))

    @property
    def seconds(self) -> int:
        """How long a new token lives."""
        return int(self._life.total_seconds())

    def issue(self, *, tenant_id: int, user_id: int, session_epoch: int, family_id: UUID) -> str:
        """A signed token of kind `access`."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + self._life,
            "sub": str(user_id),
            "typ": _ACCESS,
            "tid": tenant_id,
            "epoch": session_epoch,
            "sid": str(family_id),
            "jti": secrets.token_urlsafe(9),
        }
        return jwt.encode(claims, self._keys[self._kid], _ALGORITHM, headers={"kid": self._kid})

    def check(self, token: str) -> AccessClaims:
        """Signature, dates, issuer, audience and kind.

        Raises:
            Unauthorized: any of them is wrong; the answer does not say which, except expiry.
        """
        try:
            claims = self._decode(token)
            return AccessClaims(
                tenant_id=int(claims["tid"]),
                user_id=int(claims["sub"]),
                session_epoch=int(claims["epoch"]),
                family_id=UUID(claims["sid"]),
                expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            )
        except jwt.ExpiredSignatureError as exc:
            raise Unauthorized("A sessão expirou.", code="token_expired") from exc
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError) as exc:
            raise Unauthorized("Credencial inválida.", code="invalid_token") from exc

    def _decode(self, token: str) -> dict[str, Any]:
        key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise jwt.InvalidKeyError("kid")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            leeway=self._leeway,
            options={"require": _REQUIRED},
        )
        if claims["typ"] != _ACCESS:
            raise jwt.InvalidTokenError("typ")
        return claims


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """`rf_` and 256 random bits; shown once, stored as its hash."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored of a random token: no salt is needed for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def random_name(prefix: str, *, size: int = 26) -> str:
    """`prefix` and `size` base32 characters, five random bits each."""
    count = (size * 5 + 7) // 8
    return prefix + base64.b32encode(secrets.token_bytes(count)).decode()[:size]


class Signer:
    """Signs small texts we hand out and get back (cursors)."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = hmac.digest(secret.encode(), f"rapidflow|{purpose}".encode(), "sha256")

    def sign(self, text: str) -> str:
        """URL-safe text that carries its signature."""
        body = text.encode()
        mark = hmac.digest(self._key, body, "sha256")[:12]
        return base64.urlsafe_b64encode(mark + body).decode().rstrip("=")

    def open(self, signed: str) -> str | None:
        """The text, or None where the signature is not ours."""
        try:
            raw = base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4))
            mark, body = raw[:12], raw[12:]
            expected = hmac.digest(self._key, body, "sha256")[:12]
            return body.decode() if hmac.compare_digest(mark, expected) else None
        except ValueError:
            return None


def check_webhook_token(token: str, secret: str, *, max_age: timedelta) -> bool:
    """Whether Evolution signed this with the instance's secret, at most `max_age` ago.

    Its token lives ten minutes, but serves all repeats of an event, so `exp` is not asked.
    """
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            options={"require": ["iat"], "verify_exp": False, "verify_iat": False},
        )
        age = datetime.now(UTC).timestamp() - float(claims["iat"])
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return False
    return -300.0 <= age <= max_age.total_seconds()
