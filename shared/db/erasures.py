"""Erasing what is stored about a person: asked for in a request, done by the engine.

What is on its way (pending, in flight, in doubt inside its evidence window) is settled first, so no
counter and no promise is touched: the rows stay, without the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.messages import OpenAttempt
from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("erasures.sql")


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request as its tenant sees it; `contacts` counts the rows emptied so far."""

    erasure_id: int
    requested_at: datetime
    done_at: datetime | None
    contacts: int


@dataclass(frozen=True, slots=True)
class DueErasure:
    """A request that is not done; `phone` in canonical digits."""

    tenant_id: int
    erasure_id: int
    phone: str


@dataclass(frozen=True, slots=True)
class Stand:
    """A row of a list the person may stand in; not `sendable`: skipped, `phone` as it was given."""

    campaign_id: int
    position: int
    phone: str
    sendable: bool
    status: str


def request(conn: Connection[Row], tenant_id: int, phone: str) -> Erasure:
    """Ask for everything under `phone` to go; from now on nothing is sent to it either."""
    params = {"tenant_id": tenant_id, "phone": phone}
    conn.execute(_SQL["suppress"], params)
    with conn.cursor(row_factory=class_row(Erasure)) as cur:
        made = cur.execute(_SQL["request"], params).fetchone()
    assert made is not None  # noqa: S101  INSERT … RETURNING
    return made


def list_newest(conn: Connection[Row], tenant_id: int, *, limit: int) -> list[Erasure]:
    """The newest requests of a tenant."""
    with conn.cursor(row_factory=class_row(Erasure)) as cur:
        return cur.execute(_SQL["page"], {"tenant_id": tenant_id, "limit": limit}).fetchall()


def list_due(conn: Connection[Row], *, limit: int) -> list[DueErasure]:
    """Requests to work on now, as the engine."""
    with conn.cursor(row_factory=class_row(DueErasure)) as cur:
        return cur.execute(_SQL["due"], {"limit": limit}).fetchall()


def lease_waiting(conn: Connection[Row], due: DueErasure, *, limit: int) -> list[OpenAttempt]:
    """Take what waits to be sent to them; the caller settles it in this transaction."""
    with conn.cursor(row_factory=class_row(OpenAttempt)) as cur:
        return cur.execute(_SQL["lease_waiting"], _person(due, limit)).fetchall()


def lock_doubts(
    conn: Connection[Row], due: DueErasure, *, limit: int
) -> list[tuple[int, int, int, int]]:
    """(tenant id, campaign id, position, attempt) of doubts that no evidence is awaited for."""
    rows = conn.execute(_SQL["lock_doubts"], _person(due, limit)).fetchall()
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in rows]


def claim(conn: Connection[Row], due: DueErasure) -> bool:
    """Hold the request for this transaction; False where another process does, or did it."""
    return conn.execute(_SQL["claim"], _request(due)).fetchone() is not None


def find(conn: Connection[Row], due: DueErasure, *, limit: int) -> list[Stand]:
    """Where the person may stand; of those skipped, whoever shares the last eight digits."""
    with conn.cursor(row_factory=class_row(Stand)) as cur:
        return cur.execute(_SQL["find"], _person(due, limit)).fetchall()


def empty(conn: Connection[Row], due: DueErasure, stands: Sequence[Stand]) -> int:
    """Take the person out of those rows whose message is over; returns how many that were."""
    params = {
        "tenant_id": due.tenant_id,
        "campaign_ids": [stand.campaign_id for stand in stands],
        "positions": [stand.position for stand in stands],
    }
    conn.execute(_SQL["lock_campaigns"], params)
    row = conn.execute(_SQL["empty"], params).fetchone()
    return int(row[0]) if row else 0


def record(conn: Connection[Row], due: DueErasure, *, emptied: int, left: int) -> int:
    """Note how far it has come, done where nothing is left; returns all rows emptied for it."""
    if not left:
        conn.execute(_SQL["forget_lids"], {"tenant_id": due.tenant_id, "phone": due.phone})
    params = {**_request(due), "emptied": emptied, "left": left}
    row = conn.execute(_SQL["record"], params).fetchone()
    assert row is not None  # noqa: S101  the caller holds it
    return int(row[0])


def _request(due: DueErasure) -> dict[str, object]:
    return {"tenant_id": due.tenant_id, "erasure_id": due.erasure_id}


def _person(due: DueErasure, limit: int) -> dict[str, object]:
    return {"tenant_id": due.tenant_id, "phone": due.phone, "limit": limit}
