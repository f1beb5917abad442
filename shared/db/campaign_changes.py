"""Campaigns changed after their creation: retried, slowed down, put off, read again as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("campaign_changes.sql")


@dataclass(frozen=True, slots=True)
class CampaignChange:
    """None leaves a field as it is; delays in seconds."""

    name: str | None = None
    priority: int | None = None
    delay_min: float | None = None
    delay_max: float | None = None
    scheduled_at: datetime | None = None
    starts_now: bool = False  # by the database's clock, whatever `scheduled_at` says

    @property
    def moves_pace(self) -> bool:
        """Whether slots already thought of may change."""
        named = (self.delay_min, self.delay_max, self.scheduled_at) != (None, None, None)
        return named or self.starts_now


@dataclass(frozen=True, slots=True)
class ListedContact:
    """A contact as it was submitted and what became of it."""

    position: int
    name: str
    phone: str
    variables: dict[str, str]
    status: str


def lock(conn: Connection[Row], tenant_id: int, campaign_id: int) -> str:
    """Lock the campaign's status row for this transaction; returns its status.

    Raises:
        LookupError: it is gone.
    """
    row = conn.execute(_SQL["lock_campaign"], _key(tenant_id, campaign_id)).fetchone()
    if row is None:
        raise LookupError(f"campaign {campaign_id} is gone")
    return str(row[0])


def take_back(
    conn: Connection[Row],
    tenant_id: int,
    campaign_id: int,
    statuses: Sequence[str],
    *,
    codes: Sequence[str] | None = None,
    positions: Sequence[int] | None = None,
) -> int:
    """Put messages with these outcomes (`failed`, `in_doubt`) back to pending; returns how many.

    Call it with the campaign locked. `codes`, `positions`: only those; None: all.
    """
    params = {
        **_key(tenant_id, campaign_id),
        "statuses": list(statuses),
        "codes": None if codes is None else list(codes),
        "positions": None if positions is None else list(positions),
    }
    row = conn.execute(_SQL["take_back"], params).fetchone()
    return int(row[0]) if row else 0


def reopen(conn: Connection[Row], tenant_id: int, campaign_id: int) -> bool:
    """Have an ended campaign start again; False where it has not ended."""
    key = _key(tenant_id, campaign_id)
    reopened = conn.execute(_SQL["reopen"], key).fetchone() is not None
    conn.execute(_SQL["reopen_pace"], key)
    return reopened


def count_reopened(conn: Connection[Row], tenant_id: int) -> None:
    """A completed campaign goes on: one less in the totals, which are locked last."""
    conn.execute(_SQL["count_reopened"], {"tenant_id": tenant_id})


def change(
    conn: Connection[Row], tenant_id: int, campaign_id: int, wanted: CampaignChange
) -> str | None:
    """Change what is named; the status it has then, None where it is too late for that."""
    params = {name: getattr(wanted, name) for name in CampaignChange.__slots__}
    row = conn.execute(_SQL["change"], {**params, **_key(tenant_id, campaign_id)}).fetchone()
    return None if row is None else str(row[0])


def change_pace(
    conn: Connection[Row], tenant_id: int, campaign_id: int, *, gap_seconds: float
) -> None:
    """Have the changed delays or start count; `gap_seconds` is the pause to expect."""
    params = {**_key(tenant_id, campaign_id), "gap_seconds": gap_seconds}
    conn.execute(_SQL["change_pace"], params)
    conn.execute(_SQL["change_gap"], params)


def set_instances(
    conn: Connection[Row], tenant_id: int, campaign_id: int, instance_ids: Sequence[int]
) -> None:
    """The numbers the campaign may be sent from, from the next message on."""
    key = _key(tenant_id, campaign_id)
    conn.execute(_SQL["drop_instances"], key)
    conn.execute(_SQL["name_instances"], {**key, "instance_ids": list(instance_ids)})


def list_contacts(
    conn: Connection[Row],
    tenant_id: int,
    campaign_id: int,
    *,
    statuses: Sequence[str] | None = None,
) -> list[ListedContact]:
    """The campaign's list in its order (at most 10,000), or those with these statuses."""
    params = {
        **_key(tenant_id, campaign_id),
        "statuses": None if statuses is None else list(statuses),
    }
    with conn.cursor(row_factory=class_row(ListedContact)) as cur:
        return cur.execute(_SQL["contacts"], params).fetchall()


def _key(tenant_id: int, campaign_id: int) -> dict[str, int]:
    return {"tenant_id": tenant_id, "campaign_id": campaign_id}
