"""The end of a campaign: nothing pending, leased or sending is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import events
from shared.db.events import Event, StoredEvents
from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("endings.sql")

CampaignKey = tuple[int, int]
"""(tenant id, campaign id)"""


@dataclass(frozen=True, slots=True)
class EndedCampaign:
    """Final counts of a campaign that is over; `duration` in seconds."""

    tenant_id: int
    campaign_id: int
    status: str
    total: int
    sent: int
    failed: int
    in_doubt: int
    skipped: int
    cancelled: int
    duration: float


def end_campaigns(
    conn: Connection[Row], keys: Sequence[CampaignKey], *, said: Mapping[str, float] | None = None
) -> list[StoredEvents]:
    """End those of `keys` with nothing open any more and tell it; the others are left alone.

    `said`: totals an external workflow gives, told in place of ours. Publish what is returned
    after the commit. Locks: campaigns, counters, totals.
    """
    params = {"tenant_ids": [key[0] for key in keys], "campaign_ids": [key[1] for key in keys]}
    with conn.cursor(row_factory=class_row(EndedCampaign)) as cur:
        ended = cur.execute(_SQL["end_campaigns"], params).fetchall()
    ended.sort(key=lambda one: one.campaign_id)
    told = [
        events.append(conn, one.tenant_id, one.campaign_id, [{**_complete(one), **(said or {})}])
        for one in ended
    ]
    completed = [one.tenant_id for one in ended if one.status == "completed"]
    if completed:
        conn.execute(_SQL["count_ended"], {"tenant_ids": completed})
    return told


def _complete(ended: EndedCampaign) -> Event:
    tried = ended.sent + ended.failed
    return {
        "event": "campaign_complete",
        "status": ended.status,
        "totalContacts": ended.total,
        "totalSent": ended.sent,
        "totalErrors": ended.failed,
        "totalInDoubt": ended.in_doubt,
        "totalSkipped": ended.skipped,
        "totalCancelled": ended.cancelled,
        "successRate": round(100 * ended.sent / tried, 2) if tried else 0,
        "duration": round(ended.duration, 1),
        "completedWithDoubts": ended.in_doubt > 0,
    }
