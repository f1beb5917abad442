"""An instance's secrets as its row keeps them: its key at the provider, its webhook's secret."""

from typing import Literal, TypeAlias

from shared.security.sealing import Sealer

Column: TypeAlias = Literal["token", "webhook_secret"]


def seal(sealer: Sealer, text: str, *, column: Column, tenant_id: int, public_id: str) -> bytes:
    """Encrypt for one column of one instance."""
    return sealer.seal(
        text, table="instances", column=column, tenant_id=tenant_id, row_id=public_id
    )


def unseal(sealer: Sealer, sealed: bytes, *, column: Column, tenant_id: int, public_id: str) -> str:
    """Decrypt what `seal` made for the same column and instance.

    Raises:
        SealError: the key is unknown, the place differs or the bytes were changed.
    """
    return sealer.open_sealed(
        sealed, table="instances", column=column, tenant_id=tenant_id, row_id=public_id
    )
