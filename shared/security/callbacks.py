"""Tokens of campaigns that an external workflow sends, and signatures made with them.

A token is derived from the server's secret and the campaign, so none is stored. It is written the
way Standard Webhooks writes secrets (`whsec_` and base64): a caller sends it as it is, or signs
`id.timestamp.body` with it (https://www.standardwebhooks.com, HMAC-SHA256).
"""

import base64
import hmac
from typing import Final, Protocol

PREFIX: Final = "whsec_"
TOKEN_HEADER: Final = "X-Callback-Token"  # noqa: S105  a header's name
TOLERANCE_SECONDS: Final = 300
_MOST_SIGNATURES: Final = 10


class Headers(Protocol):
    """Request headers, looked up whatever their case."""

    def get(self, key: str, default: str, /) -> str:
        """The value, or the default."""


class CallbackTokens:
    """Makes and checks the callback tokens of one server."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"rapidflow|callback", "sha256")

    def issue(self, tenant_id: int, public_id: str) -> str:
        """The token of one campaign; the same every time."""
        return PREFIX + base64.b64encode(self._raw(tenant_id, public_id)).decode()

    def check(
        self, tenant_id: int, public_id: str, headers: Headers, body: bytes, *, now: float
    ) -> bool:
        """Whether `headers` carry the campaign's token, or a signature of `body` made with it.

        `now` in Unix seconds; a signature may be five minutes old or ahead.
        """
        given = headers.get(TOKEN_HEADER, "") or _bearer(headers.get("Authorization", ""))
        if given:
            expected = self.issue(tenant_id, public_id)
            return hmac.compare_digest(given.encode(), expected.encode())
        return self._is_signed(self._raw(tenant_id, public_id), headers, body, now)

    def _raw(self, tenant_id: int, public_id: str) -> bytes:
        return hmac.digest(self._key, f"{tenant_id}|{public_id}".encode(), "sha256")

    @staticmethod
    def _is_signed(key: bytes, headers: Headers, body: bytes, now: float) -> bool:
        identifier = headers.get("webhook-id", "")
        sent_at = headers.get("webhook-timestamp", "")
        if not identifier or not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
            return False
        if abs(now - int(sent_at)) > TOLERANCE_SECONDS:
            return False
        signed = f"{identifier}.{sent_at}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        given = headers.get("webhook-signature", "").split()[:_MOST_SIGNATURES]
        return any(hmac.compare_digest(one.encode(), expected.encode()) for one in given)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.startswith(PREFIX) else ""
