"""The provider's webhooks, stored before anything is done with them."""

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.db.pool import Pool, single_statements, tenant_transaction
from shared.db.sql import load_sql

_SQL = load_sql("inbox.sql")

CONNECTION_EVENT = "connection.update"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event of an instance; `body` is the envelope's `data`, never its `apikey`."""

    instance_id: int
    event: str
    dedupe_key: str
    body: Any


def store(pool: Pool, tenant_id: int, event: ProviderEvent) -> bool:
    """Commit it. Whether to look at it now: not where it was known already, says nothing new about
    the connection, or is one of many such events and waits for the next tick."""
    params: dict[str, object] = {
        "tenant_id": tenant_id,
        "instance_id": event.instance_id,
        "event": event.event,
        "dedupe_key": event.dedupe_key,
        "body": Jsonb(event.body),
    }
    if event.event == CONNECTION_EVENT and isinstance(event.body, dict):
        params["state"] = str(event.body.get("state"))
        with tenant_transaction(pool, tenant_id) as conn:
            row = conn.execute(_SQL["store_connection"], params).fetchone()
    else:
        with single_statements(pool) as conn:
            row = conn.execute(_SQL["store"], params).fetchone()
    return row is not None and bool(row[0])
