"""The end of a campaign: nothing pending, leased or sending is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import events
from shared.db.events import Event, StoredEvents
from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.domain import lifecycle
from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)

_SQL = load_sql("endings.sql")

CampaignKey = tuple[int, int]
"""(tenant id, campaign id)"""


@dataclass(frozen=True, slots=True)
class EndedCampaign:
    """Final counts of a campaign that is over, errors by code; `duration` in seconds."""

    tenant_id: int
    campaign_id: int
    public_id: str
    request_id: str | None
    status: str
    total: int
    sent: int
    failed: int
    in_doubt: int
    skipped: int
    cancelled: int
    errors: dict[str, int]
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
        events.append(conn, one.tenant_id, one.campaign_id, [{**_told(one), **(said or {})}])
        for one in ended
    ]
    completed = [one.tenant_id for one in ended if one.status == "completed"]
    if completed:
        conn.execute(_SQL["count_ended"], {"tenant_ids": completed})
    for one in ended:
        metrics.record_campaigns_ended(one.status)
        _log_end(one)
    return told


def _told(ended: EndedCampaign) -> Event:
    return lifecycle.complete(ended, status=ended.status, duration_seconds=ended.duration)


def _log_end(ended: EndedCampaign) -> None:
    log.info(
        "campaign_ended",
        campaign_id=ended.public_id,
        request_id=ended.request_id,
        status=ended.status,
        total=ended.total,
        sent=ended.sent,
        failed=ended.failed,
        in_doubt=ended.in_doubt,
        skipped=ended.skipped,
        cancelled=ended.cancelled,
        seconds=round(ended.duration, 1),
        errors=ended.errors,
    )
