"""Webhooks that come together are stored together: their commit costs more than they do.

Whoever comes while a transaction is under way waits for it, and one of them then writes what has
gathered. Each is answered only after the commit that holds it.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from shared.db import inbox, instances
from shared.db.inbox import ProviderEvent
from shared.db.instances import WebhookTarget
from shared.db.pool import Pool, tenant_transaction
from shared.errors import NotFound, RapidFlowError, TemporarilyUnavailable
from shared.failpoints import failpoint

_AT_ONCE: Final = 100

Reader = Callable[[WebhookTarget], ProviderEvent | None]
"""Checks who sent it and reads it; None where nobody would look at it."""


@dataclass(slots=True)
class _Webhook:
    tenant_id: int
    public_id: str
    read: Reader
    done: bool = False
    new: bool = False
    error: Exception | None = None


class WebhookWriter:
    """One for each process; safe from any thread."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._writing = threading.Lock()
        self._gathering = threading.Lock()
        self._gathered: list[_Webhook] = []

    def store(self, tenant_id: int, public_id: str, read: Reader) -> bool:
        """Store one event of an instance; whether there is something new to look at now.

        Raises:
            NotFound: there is no such instance.
            RequestError: what `read` raises.
            TemporarilyUnavailable: nothing was stored.
        """
        webhook = _Webhook(tenant_id, public_id, read)
        with self._gathering:
            self._gathered.append(webhook)
        while not webhook.done:
            with self._writing:
                if not webhook.done:
                    self._write_gathered()
        if webhook.error is not None:
            raise webhook.error
        return webhook.new

    def _write_gathered(self) -> None:
        by_tenant: dict[int, list[_Webhook]] = defaultdict(list)
        for webhook in self._take(_AT_ONCE):
            by_tenant[webhook.tenant_id].append(webhook)
        for tenant_id, webhooks in by_tenant.items():
            self._write(tenant_id, webhooks)

    def _take(self, count: int) -> list[_Webhook]:
        with self._gathering:
            taken, self._gathered = self._gathered[:count], self._gathered[count:]
        return taken

    def _write(self, tenant_id: int, webhooks: Sequence[_Webhook]) -> None:
        """One that the database refuses must not cost the others their answer."""
        try:
            self._store(tenant_id, webhooks)
        except psycopg.Error as exc:
            if len(webhooks) > 1:
                for webhook in webhooks:
                    self._write(tenant_id, [webhook])
                return
            webhooks[0].error = exc
        except TemporarilyUnavailable as exc:
            webhooks = [*webhooks, *self._take(len(self._gathered))]  # they waited for it too
            for webhook in webhooks:
                webhook.error = exc
        except Exception as exc:
            for webhook in webhooks:
                webhook.error = exc
        for webhook in webhooks:
            webhook.done = True

    def _store(self, tenant_id: int, webhooks: Sequence[_Webhook]) -> None:
        with tenant_transaction(self._pool, tenant_id) as conn:
            public_ids = sorted({webhook.public_id for webhook in webhooks})
            targets = instances.list_webhook_targets(conn, tenant_id, public_ids)
            events = []
            for webhook in webhooks:
                webhook.error = None
                try:
                    event = _event(webhook, targets.get(webhook.public_id))
                except RapidFlowError as exc:
                    webhook.error = exc
                else:
                    events.append((webhook, event))
            known = [(webhook, event) for webhook, event in events if event is not None]
            new = inbox.store(conn, tenant_id, [event for _, event in known])
            for webhook, event in known:
                webhook.new = (event.instance_id, event.dedupe_key) in new
            for _ in events:
                failpoint("webhook_before_commit")


def _event(webhook: _Webhook, target: WebhookTarget | None) -> ProviderEvent | None:
    if target is None:
        raise NotFound("Instância desconhecida.")
    return webhook.read(target)
