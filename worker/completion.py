"""The end of campaigns, in a transaction of its own."""

from collections.abc import Sequence

from shared.db.endings import CampaignKey, end_campaigns
from shared.db.events import StoredEvents
from shared.db.pool import Pool, connection


def finish(pool: Pool, keys: Sequence[CampaignKey]) -> list[StoredEvents]:
    """End those of `keys` that are over; returns what to publish.

    It runs after the commit that settled the last message: the status row is locked before the
    counters everywhere. A process that dies in between leaves it to the next tick.
    """
    if not keys:
        return []
    with connection(pool) as conn:
        return end_campaigns(conn, keys)
