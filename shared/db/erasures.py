"""Erasing what is stored about a person: asked for by API or command, done by the engine.

What is on its way (pending, in flight, in doubt inside its evidence window) is settled first, so no
counter and no promise is touched: the rows stay, without the person. What then keeps them from
being written to is a keyed hash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import audit, suppressions
from shared.db.messages import OpenAttempt
from shared.db.pool import Row
from shared.db.sql import like, load_sql
from shared.db.suppressions import HashPhone

_SQL = load_sql("erasures.sql")

_ACTOR: Final = "engine"


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
    """A row of a list the person may stand in; not `sendable`: skipped, `phone` as it was given.
    `remote_jid`: what the provider called them."""

    campaign_id: int
    position: int
    phone: str
    sendable: bool
    status: str
    remote_jid: str | None

    @property
    def is_over(self) -> bool:
        """Nothing of its message is on its way any more."""
        return self.status not in {"pending", "leased", "sending", "in_doubt"}


def request(
    conn: Connection[Row], tenant_id: int, phone: str, *, actor: str, hash_phone: HashPhone
) -> Erasure:
    """Ask for everything under `phone` (canonical digits) to go; from now on nothing is sent to it
    either. An opt-out stays one."""
    suppressions.add_suppressions(conn, tenant_id, [phone], "erased", hash_phone=hash_phone)
    params = {"tenant_id": tenant_id, "phone": phone}
    with conn.cursor(row_factory=class_row(Erasure)) as cur:
        made = cur.execute(_SQL["request"], params).fetchone()
    assert made is not None  # noqa: S101  INSERT … RETURNING
    audit.record(
        conn,
        tenant_id,
        actor=actor,
        action="erasure_requested",
        subject=f"erasure:{made.erasure_id}",
    )
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


def forget_webhooks(conn: Connection[Row], due: DueErasure, names: Iterable[str]) -> int:
    """Drop webhooks that hold one of `names` or a hidden id of theirs; returns how many are still
    to be read. It looks through the inbox of the tenant: in a transaction of its own."""
    conn.execute(_SQL["patient"])
    person = {"tenant_id": due.tenant_id, "phone": due.phone}
    lids = [str(row[0]) for row in conn.execute(_SQL["list_lids"], person)]
    patterns = [f"%{like(name)}%" for name in sorted({*names, *lids})]
    params = {"tenant_id": due.tenant_id, "patterns": patterns}
    conn.execute(_SQL["forget_webhooks"], params)
    row = conn.execute(_SQL["unread_webhooks"], params).fetchone()
    return int(row[0]) if row else 0


def record(
    conn: Connection[Row], due: DueErasure, *, emptied: int, left: int, hash_phone: HashPhone
) -> None:
    """Note how far it has come; with nothing left it is done, and their phone is gone as well."""
    params = {**_request(due), "emptied": emptied, "left": left}
    row = conn.execute(_SQL["record"], params).fetchone()
    assert row is not None  # noqa: S101  the caller holds it
    if left:
        return
    conn.execute(_SQL["forget_lids"], {"tenant_id": due.tenant_id, "phone": due.phone})
    suppressions.erase(conn, due.tenant_id, due.phone, hash_phone=hash_phone)
    audit.record(
        conn,
        due.tenant_id,
        actor=_ACTOR,
        action="erasure_done",
        subject=f"erasure:{due.erasure_id}",
        detail={"contacts": int(row[0])},
    )


def _request(due: DueErasure) -> dict[str, object]:
    return {"tenant_id": due.tenant_id, "erasure_id": due.erasure_id}


def _person(due: DueErasure, limit: int) -> dict[str, object]:
    return {"tenant_id": due.tenant_id, "phone": due.phone, "limit": limit}
