"""The end of a campaign: nothing pending, leased or sending is left."""

from collections.abc import Sequence

from psycopg import Connection

from shared.db import dispatch, events
from shared.db.dispatch import CampaignKey, FinishedCampaign
from shared.db.events import StoredEvents
from shared.db.pool import Pool, Row, connection


def finish(pool: Pool, keys: Sequence[CampaignKey]) -> list[StoredEvents]:
    """End those of `keys` that are over, in a transaction of its own; returns what to publish.

    It runs after the commit that settled the last message: the status row is locked before the
    counters everywhere. A process that dies in between leaves it to the next tick.
    """
    if not keys:
        return []
    with connection(pool) as conn:
        return [_tell(conn, done) for done in dispatch.finish_campaigns(conn, keys)]


def _tell(conn: Connection[Row], done: FinishedCampaign) -> StoredEvents:
    tried = done.sent + done.failed
    event = {
        "event": "campaign_complete",
        "status": done.status,
        "totalContacts": done.total,
        "totalSent": done.sent,
        "totalErrors": done.failed,
        "totalInDoubt": done.in_doubt,
        "totalSkipped": done.skipped,
        "totalCancelled": done.cancelled,
        "successRate": round(100 * done.sent / tried, 2) if tried else 0,
        "duration": round(done.duration, 1),
        "completedWithDoubts": done.in_doubt > 0,
    }
    return events.append(conn, done.tenant_id, done.campaign_id, [event])
