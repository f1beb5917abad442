"""Passwords, tokens, sealing, cursors."""

import base64
import secrets
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from shared.errors import InvalidRequest, TemporarilyUnavailable, Unauthorized
from shared.security import passwords as module
from shared.security.passwords import Passwords, check_password, readable_password
from shared.security.sealing import Sealer, SealError
from shared.security.tokens import AccessTokens, Signer, new_api_key, random_name

SECRET = "s" * 48
PLACE: dict[str, Any] = {"table": "instances", "column": "token", "tenant_id": 7, "row_id": "x"}


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def tokens() -> AccessTokens:
    return AccessTokens(SECRET, minutes=15, leeway_seconds=30)


def issued() -> str:
    return tokens().issue(tenant_id=1, user_id=2, session_epoch=3, family_id=uuid.uuid4())


def altered(**claims: Any) -> str:
    """Our token with other claims (None drops one), signed with our key."""
    token = issued()
    header = jwt.get_unverified_header(token)
    body = jwt.decode(token, options={"verify_signature": False}) | claims
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, SECRET.encode(), "HS256", headers={"kid": header["kid"]})


def test_a_token_says_who() -> None:
    claims = tokens().check(issued())
    assert (claims.tenant_id, claims.user_id, claims.session_epoch) == (1, 2, 3)


@pytest.mark.parametrize(
    "claims",
    [
        {"typ": "refresh"},
        {"iss": "other"},
        {"aud": "other"},
        {"exp": datetime.now(UTC) - timedelta(seconds=31)},
        {"iat": datetime.now(UTC) + timedelta(days=1)},
        *({name: None} for name in ("typ", "iss", "aud", "exp", "iat", "sub", "sid", "tid")),
    ],
)
def test_altered_claims_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        tokens().check(altered(**claims))


def test_other_keys_and_algorithms_are_refused() -> None:
    body = jwt.decode(issued(), options={"verify_signature": False})
    kid = jwt.get_unverified_header(issued())["kid"]
    for bad in (
        jwt.encode(body, None, "none", headers={"kid": kid}),
        jwt.encode(body, SECRET.encode(), "HS384", headers={"kid": kid}),
        jwt.encode(body, "o" * 48, "HS256", headers={"kid": kid}),
        jwt.encode(body, SECRET.encode(), "HS256"),
        jwt.encode(body, SECRET.encode(), "HS256", headers={"kid": "other"}),
    ):
        with pytest.raises(Unauthorized):
            tokens().check(bad)


def test_sealed_values_open_only_in_their_place() -> None:
    sealer = Sealer(key())
    sealed = sealer.seal("segredo", **PLACE)
    assert b"segredo" not in sealed
    assert sealer.open_sealed(sealed, **PLACE) == "segredo"
    for other in ({"column": "y"}, {"tenant_id": 8}, {"row_id": "z"}, {"table": "t"}):
        with pytest.raises(SealError):
            sealer.open_sealed(sealed, **{**PLACE, **other})
    with pytest.raises(SealError):
        sealer.open_sealed(sealed[:-1] + bytes([sealed[-1] ^ 1]), **PLACE)


def test_old_keys_still_open() -> None:
    old, new = key(), key()
    sealed = Sealer(old).seal("x", **PLACE)
    assert Sealer(new, old).open_sealed(sealed, **PLACE) == "x"
    with pytest.raises(SealError):
        Sealer(new).open_sealed(sealed, **PLACE)


def test_passwords_verify_and_unknown_users_never_do() -> None:
    hashing = Passwords(2)
    hashed = hashing.hash("correta-cavalo")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashing.verify(hashed, "correta-cavalo")
    assert not hashing.verify(hashed, "correta-cavala")
    assert not hashing.verify(None, "correta-cavalo")


def test_more_than_two_hashes_wait_then_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.05)
    hashing = Passwords(1)
    release = threading.Event()

    class Slow:
        def hash(self, _password: str) -> str:
            release.wait(5)
            return "x"

    monkeypatch.setattr(module, "_hasher", Slow())
    busy = threading.Thread(target=hashing.hash, args=("a",))
    busy.start()
    try:
        with pytest.raises(TemporarilyUnavailable):
            hashing.hash("b")
    finally:
        release.set()
        busy.join()


@pytest.mark.parametrize("weak", ["curta", "a" * 200, "Password123!", "aaaaaaaaaaaaaa"])
def test_weak_passwords_are_refused(weak: str) -> None:
    with pytest.raises(InvalidRequest):
        check_password(weak)


def test_readable_passwords_pass_and_differ() -> None:
    made = {readable_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password(password)


def test_cursors_open_only_unchanged() -> None:
    signer = Signer(SECRET, "cursor")
    signed = signer.sign("campaigns|1|42")
    assert signer.open(signed) == "campaigns|1|42"
    assert Signer(SECRET, "other").open(signed) is None
    for bad in ("", "x", signed[:-2], "A" + signed[1:], "é"):
        assert signer.open(bad) is None


def test_names_are_long_and_random() -> None:
    assert len(random_name("CAMP-")) == 31
    assert random_name("CAMP-") != random_name("CAMP-")
    assert len(new_api_key()) == 46
