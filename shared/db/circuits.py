"""Breakers that open and close, and the campaigns that are told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import events
from shared.db.events import StoredEvents
from shared.db.pool import Row
from shared.db.receipts import Ack
from shared.db.sql import load_sql
from shared.domain import lifecycle

_SQL = load_sql("circuits.sql")


@dataclass(frozen=True, slots=True)
class Circuit:
    """A breaker that has just opened or closed; `reason` is a word of domain/reasons.py."""

    tenant_id: int
    instance_id: int
    name: str
    state: str
    reason: str | None
    open_until: datetime | None
    errors_in_a_row: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """A breaker as it stands, whether Evolution holds the number connected, and sends WhatsApp has
    not confirmed (at most 1000 are counted)."""

    name: str
    state: str
    connected: bool
    unconfirmed: int


def trip(
    conn: Connection[Row],
    instance_ids: Sequence[int],
    *,
    reason: str | None,
    rest_seconds: float,
    ceiling_seconds: float,
    longer: bool = False,
) -> list[Circuit]:
    """Open the breakers of instances that cannot send, whoever serves them now.

    One that rests already is left alone; `longer`: unless its rest is the shorter one. No `reason`:
    the one it rested for stays.
    """
    params = {
        "instance_ids": list(instance_ids),
        "reason": reason,
        "rest_seconds": rest_seconds,
        "ceiling_seconds": ceiling_seconds,
        "longer": longer,
    }
    with conn.cursor(row_factory=class_row(Circuit)) as cur:
        return cur.execute(_SQL["trip"], params).fetchall()


def list_states(conn: Connection[Row], *, unconfirmed_after_seconds: float) -> list[LaneState]:
    """All instances, at most 500."""
    params = {"after_seconds": unconfirmed_after_seconds}
    with conn.cursor(row_factory=class_row(LaneState)) as cur:
        return cur.execute(_SQL["states"], params).fetchall()


def tell(conn: Connection[Row], circuits: Sequence[Circuit]) -> list[StoredEvents]:
    """`circuit_open` or `circuit_closed` for every running campaign that uses the instance.

    In the transaction that moved the lanes; counters are locked after them, in campaign order.
    """
    if not circuits:
        return []
    moved = {circuit.instance_id: circuit for circuit in circuits}
    told = []
    watching = conn.execute(_SQL["watching"], {"instance_ids": list(moved)}).fetchall()
    for tenant_id, campaign_id, instance_id in watching:
        circuit = moved[instance_id]
        event = lifecycle.circuit(
            instance=circuit.name,
            is_open=circuit.state == "open",
            reason=circuit.reason,
            open_until=circuit.open_until,
            errors_in_a_row=circuit.errors_in_a_row,
        )
        told.append(events.append(conn, tenant_id, campaign_id, [event]))
    return told


def count_refusals(conn: Connection[Row], acks: Sequence[Ack]) -> dict[int, int]:
    """Refusals in a row per instance, where they changed; call it before the receipts are applied.

    Only refusals by WhatsApp to people the tenant never reached count; anything taken starts anew.
    """
    if not acks:
        return {}
    params = {
        "instance_ids": [ack.instance_id for ack in acks],
        "provider_ids": [ack.provider_id for ack in acks],
        "ranks": [ack.rank for ack in acks],
    }
    rows = conn.execute(_SQL["count_refusals"], params).fetchall()
    return {int(instance_id): int(count) for instance_id, count in rows}
