"""One campaign looked at closely: steps, numbers, sends over time.

These pass over the messages of that one campaign (10,000 at most), which counters are not kept for;
lists, metrics and the dashboard never do.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("live.sql")


@dataclass(frozen=True, slots=True)
class LiveLane:
    """One number of the campaign; counts are of this campaign's messages."""

    name: str
    state: str
    last_ack_at: datetime | None
    paused_at: datetime | None
    breaker_state: str
    errors_in_a_row: int
    times_opened: int
    opened_at: datetime | None
    open_until: datetime | None
    rest_reason: str | None
    in_flight: int
    leased: int
    next_send_at: datetime | None
    sent: int
    last_minute: int
    in_a_batch: bool


@dataclass(frozen=True, slots=True)
class Stages:
    """Messages waiting, leased to a worker, in a call, and taken by WhatsApp's server."""

    queued: int
    leased: int
    sending: int
    acked: int
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Sends in the stretch of time that begins `at`."""

    at: datetime
    sent: int


def list_lanes(conn: Connection[Row], tenant_id: int, campaign_id: int) -> list[LiveLane]:
    """In the order the numbers were connected."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(LiveLane)) as cur:
        return cur.execute(_SQL["live_lanes"], params).fetchall()


def get_stages(conn: Connection[Row], tenant_id: int, campaign_id: int) -> Stages:
    """As of now."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(Stages)) as cur:
        stages = cur.execute(_SQL["live_stages"], params).fetchone()
    assert stages is not None  # noqa: S101  an aggregate always answers
    return stages


def list_curve(
    conn: Connection[Row], tenant_id: int, campaign_id: int, *, bucket_seconds: int
) -> list[CurvePoint]:
    """Oldest first; stretches without a send are left out."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id, "bucket": bucket_seconds}
    with conn.cursor(row_factory=class_row(CurvePoint)) as cur:
        return cur.execute(_SQL["live_curve"], params).fetchall()
