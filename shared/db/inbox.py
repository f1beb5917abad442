"""The provider's webhooks, stored before anything is done with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from shared.db.pool import Row
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


def store(
    conn: Connection[Row], tenant_id: int, events: Sequence[ProviderEvent]
) -> set[tuple[int, str]]:
    """Those to look at now, by (instance id, dedupe key): not what was known already, says nothing
    new about the connection, or is one of many such events and waits for the next tick."""
    ordered = sorted(events, key=lambda event: (event.instance_id, event.dedupe_key))
    connections = [event for event in ordered if _tells_a_connection(event)]
    others = [event for event in ordered if not _tells_a_connection(event)]
    new: set[tuple[int, str]] = set()
    if others:
        params = {
            "tenant_id": tenant_id,
            "instance_ids": [event.instance_id for event in others],
            "events": [event.event for event in others],
            "dedupe_keys": [event.dedupe_key for event in others],
            "bodies": [Jsonb(event.body) for event in others],
        }
        new.update((row[0], row[1]) for row in conn.execute(_SQL["store"], params))
    new.update(
        (event.instance_id, event.dedupe_key)
        for event in connections
        if _store_connection(conn, tenant_id, event)
    )
    return new


def _tells_a_connection(event: ProviderEvent) -> bool:
    return event.event == CONNECTION_EVENT and isinstance(event.body, dict)


def _store_connection(conn: Connection[Row], tenant_id: int, event: ProviderEvent) -> bool:
    params = {
        "tenant_id": tenant_id,
        "instance_id": event.instance_id,
        "event": event.event,
        "dedupe_key": event.dedupe_key,
        "body": Jsonb(event.body),
        "state": str(event.body.get("state")),
    }
    row = conn.execute(_SQL["store_connection"], params).fetchone()
    return row is not None and bool(row[0])
