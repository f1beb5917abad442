"""Phones of people who were erased, as a keyed hash: known when they come again, never read back.

The key is derived from ENCRYPTION_KEY, which stays with a database for good and is not in it: a
bare hash of a phone is undone by trying all phones.
"""

import hmac


class PhoneHashes:
    """Makes the hashes of one server."""

    def __init__(self, encryption_key: str) -> None:
        self._key = hmac.digest(encryption_key.encode(), b"rapidflow|erased phone", "sha256")

    def __call__(self, tenant_id: int, phone: str) -> bytes:
        """32 bytes for `phone` (canonical digits); other ones in every tenant."""
        return hmac.digest(self._key, f"{tenant_id}|{phone}".encode(), "sha256")
