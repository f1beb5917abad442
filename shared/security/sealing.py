"""Secrets at rest: AES-256-GCM, the key's id in front, bound to the place they are stored in.

Layout: key id (4 bytes) | nonce (12) | ciphertext and tag. The associated data names table, column,
tenant and row, so a sealed value copied elsewhere does not open.
"""

import base64
import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import RapidFlowError

_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12


class SealError(RapidFlowError):
    """A sealed value does not open: wrong key, wrong place, or changed."""


class Sealer:
    """Seals with the first key, opens with any of them."""

    def __init__(self, *keys: str) -> None:
        """`keys`: 32 bytes each, in base64; the newest first."""
        raw = [base64.b64decode(key) for key in keys]
        self._current = _key_id(raw[0])
        self._keys = {_key_id(key): AESGCM(key) for key in raw}

    def seal(
        self, plaintext: str, *, table: str, column: str, tenant_id: int, row_id: str
    ) -> bytes:
        """Encrypt for one place; `row_id` names the row for good (an instance: its public_id)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        place = _place(table, column, tenant_id, row_id)
        sealed = self._keys[self._current].encrypt(nonce, plaintext.encode(), place)
        return self._current + nonce + sealed

    def open_sealed(
        self, sealed: bytes, *, table: str, column: str, tenant_id: int, row_id: str
    ) -> str:
        """Decrypt.

        Raises:
            SealError: the key is unknown, the place differs or the bytes were changed.
        """
        sealed = bytes(sealed)
        key = self._keys.get(sealed[:_ID_BYTES])
        if key is None:
            raise SealError(f"{table}.{column}: sealed with a key this process does not have")
        nonce = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES]
        place = _place(table, column, tenant_id, row_id)
        try:
            return key.decrypt(nonce, sealed[_ID_BYTES + _NONCE_BYTES :], place).decode()
        except InvalidTag as exc:
            raise SealError(f"{table}.{column}: does not open in this row") from exc


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"rapidflow key id|" + key).digest()[:_ID_BYTES]


def _place(table: str, column: str, tenant_id: int, row_id: str) -> bytes:
    return f"{table}|{column}|{tenant_id}|{row_id}".encode()


def key_name(key: str) -> str:
    """Tells keys (base64) apart without telling the key: what stands in front of sealed values."""
    return _key_id(base64.b64decode(key)).hex()
