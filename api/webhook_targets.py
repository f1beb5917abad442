"""Whose webhook it is: instances by the id in their webhook address, remembered for a moment.

Evolution sends four webhooks a message, and looking the instance up again for each of them cost
more than storing what it says.
"""

import time
from dataclasses import dataclass
from typing import Final

from shared.db import instances
from shared.db.instances import WebhookTarget
from shared.db.pool import Pool, tenant_transaction
from shared.security.instance_secrets import unseal
from shared.security.sealing import Sealer

_SECONDS: Final = 5.0  # so long another process may still take webhooks of an instance deleted here
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """An instance, and the secret that signs its webhooks."""

    target: WebhookTarget
    secret: str


class WebhookTargets:
    """Of one process; any thread may ask."""

    def __init__(self, pool: Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self._known: dict[str, tuple[float, KnownTarget]] = {}

    def find(self, tenant_id: int, public_id: str) -> KnownTarget | None:
        """The live instance behind a webhook address."""
        remembered = self._known.get(public_id)
        if remembered is not None and time.monotonic() < remembered[0]:
            return remembered[1]
        with tenant_transaction(self._pool, tenant_id) as conn:
            target = instances.find_webhook_target(conn, tenant_id, public_id)
        if target is None:
            self._known.pop(public_id, None)
            return None
        known = KnownTarget(target, self._secret(tenant_id, public_id, target))
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[public_id] = (time.monotonic() + _SECONDS, known)
        return known

    def _secret(self, tenant_id: int, public_id: str, target: WebhookTarget) -> str:
        return unseal(
            self._sealer,
            target.webhook_secret,
            column="webhook_secret",
            tenant_id=tenant_id,
            public_id=public_id,
        )
