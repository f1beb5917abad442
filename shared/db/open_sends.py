"""Unresolved sends: at most one per instance and recipient, so that evidence is never ambiguous."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("open_sends.sql")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message whose outcome is unknown; `name` and `token` (sealed) are its instance's.

    `lids`: hidden ids (`…@lid`) under which its recipient was seen before.
    """

    tenant_id: int
    campaign_id: int
    position: int
    attempt: int
    instance_id: int
    phone: str
    started_at: datetime
    looks: int
    body: str
    has_image: bool
    lids: list[str]
    public_id: str
    name: str
    token: bytes


@dataclass(frozen=True, slots=True)
class OpenSend:
    """The unresolved send to one phone; `started_unix` in seconds."""

    tenant_id: int
    campaign_id: int
    position: int
    attempt: int
    in_doubt: bool
    body: str
    has_image: bool
    started_unix: float


def close_windows(conn: Connection[Row], *, hours: float) -> int:
    """End evidence windows that are over; returns how many."""
    return conn.execute(_SQL["close_windows"], {"hours": hours}).rowcount


def claim_doubts(
    conn: Connection[Row], *, limit: int, looks_after_seconds: Sequence[float]
) -> list[Doubt]:
    """Doubts whose next look is due. `looks_after_seconds` are measured from the first look."""
    pauses = [later - earlier for earlier, later in itertools.pairwise(looks_after_seconds)]
    params = {"limit": limit, "pauses": [*pauses, 365 * 86400.0]}
    with conn.cursor(row_factory=class_row(Doubt)) as cur:
        return cur.execute(_SQL["claim_doubts"], params).fetchall()


def look_now(conn: Connection[Row], tenant_id: int, instance_id: int, phone: str) -> bool:
    """Bring a doubt's next look forward; False when there is no such doubt."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "phone": phone}
    return conn.execute(_SQL["look_now"], params).rowcount > 0


def find_by_phone(
    conn: Connection[Row], tenant_id: int, instance_id: int, phone: str
) -> OpenSend | None:
    """The unresolved send to this phone, if any."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "phone": phone}
    with conn.cursor(row_factory=class_row(OpenSend)) as cur:
        return cur.execute(_SQL["find_by_phone"], params).fetchone()


def find_by_text(
    conn: Connection[Row],
    tenant_id: int,
    instance_id: int,
    body: str,
    *,
    at_unix: float,
    before: float,
) -> OpenSend | None:
    """The only open send of an instance with this text; it began within `before` seconds."""
    params = {
        "tenant_id": tenant_id,
        "instance_id": instance_id,
        "body": body,
        "at_unix": at_unix,
        "before": before,
    }
    with conn.cursor(row_factory=class_row(OpenSend)) as cur:
        found = cur.execute(_SQL["find_by_text"], params).fetchall()
    return found[0] if len(found) == 1 else None


def owned(conn: Connection[Row], instance_id: int, provider_ids: Sequence[str]) -> set[str]:
    """Provider ids that belong to some message already."""
    params = {"instance_id": instance_id, "provider_ids": list(provider_ids)}
    return {row[0] for row in conn.execute(_SQL["owned"], params)}
