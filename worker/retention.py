"""Retention: what has been kept long enough goes, a bounded batch of each kind at a time.

A run is some short transactions. Whatever is left is there for the next tick; a process that found
nothing rests for a minute. Any number of processes may run it: what one holds the others skip.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from psycopg import Connection

from shared.db import retention as rows
from shared.db.pool import Pool, Row, connection
from shared.db.retention import EndedCampaign, Look
from shared.domain.retention import HELD_WAIT, CampaignKeeping, next_look
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.settings import RetentionSettings
from worker.deps import Deps

log = get_logger(__name__)


class Retention:
    """Owned by one control process."""

    def __init__(self) -> None:
        self._rests_until = float("-inf")

    def look(self, deps: Deps) -> None:
        """One run, unless the last one found nothing and is not long ago."""
        if time.monotonic() < self._rests_until:
            return
        knobs = deps.settings.retention
        if not run(deps.pool, knobs).total():
            self._rests_until = time.monotonic() + knobs.rest_seconds


def run(pool: Pool, knobs: RetentionSettings) -> Counter[str]:
    """One batch of every kind; how many rows of each went. All zero: nothing is left to do now."""
    limit = knobs.batch_size
    kinds: dict[str, Callable[[Connection[Row]], int]] = {
        "webhooks": lambda conn: rows.remove_webhooks(conn, days=knobs.inbox_days, limit=limit),
        "refresh_tokens": lambda conn: rows.remove_refresh_tokens(
            conn, days=knobs.refresh_tokens_days, limit=limit
        ),
        "idempotency_keys": lambda conn: rows.remove_idempotency_keys(conn, limit=limit),
        "lids": lambda conn: rows.remove_lids(conn, days=knobs.lids_days, limit=limit),
    }
    removed: Counter[str] = Counter()
    for kind, remove in kinds.items():
        with connection(pool) as conn:
            removed[kind] = remove(conn)
            rows.add_removed(conn, {kind: removed[kind]})
    with connection(pool) as conn:
        of_campaigns = tidy_campaigns(conn, knobs)
        rows.add_removed(conn, of_campaigns)
    removed.update(of_campaigns)
    for kind, count in removed.items():
        metrics.record_retention(kind, count)
    if removed.total():
        log.info("retention_ran", **{kind: count for kind, count in removed.items() if count})
    return removed


def campaign_keeping(knobs: RetentionSettings) -> CampaignKeeping:
    """How long an ended campaign keeps what, from the settings."""
    return CampaignKeeping(
        events=timedelta(days=knobs.events_days),
        model_texts=timedelta(days=knobs.model_texts_days),
        people=timedelta(days=knobs.people_days),
        hours=timedelta(days=knobs.hours_days),
    )


def tidy_campaigns(conn: Connection[Row], knobs: RetentionSettings) -> Counter[str]:
    """Remove what is over of some ended campaigns; what a batch is too small for comes next."""
    claimed = rows.claim_ended(conn, limit=knobs.campaigns_at_once)
    free = [campaign for campaign in claimed if not campaign.held]
    kept = campaign_keeping(knobs)
    limit = knobs.batch_size
    removed: Counter[str] = Counter()
    unfinished: set[int] = set()

    def remove(kind: str, some: Sequence[EndedCampaign], count: int) -> None:
        removed[kind] = count
        if count >= limit:
            unfinished.update(campaign.campaign_id for campaign in some)

    if some := _over(free, kept.events):
        remove("events", some, rows.remove_events(conn, some, days=knobs.events_days, limit=limit))
    if some := _over(free, kept.model_texts):
        remove("model_texts", some, rows.remove_model_texts(conn, some, limit=limit))
    if some := _over(free, kept.hours):
        remove("hours", some, rows.remove_hours(conn, some, limit=limit))
    old = _over(free, kept.people)
    emptied = _empty(conn, old, limit, removed)
    # After the people: a failure may be tried again as long as it has a text, and a retry reads
    # its last attempt.
    if some := [one for one in old if emptied[one.campaign_id] >= one.total]:
        remove("attempts", some, rows.remove_attempts(conn, some, limit=limit))
    unfinished.update(one.campaign_id for one in old if emptied[one.campaign_id] < one.total)
    if claimed:
        rows.put_off(conn, [_after(one, kept, emptied, unfinished) for one in claimed])
    return removed


def _over(campaigns: Sequence[EndedCampaign], life: timedelta) -> list[EndedCampaign]:
    return [campaign for campaign in campaigns if campaign.age >= life]


def _empty(
    conn: Connection[Row], campaigns: Sequence[EndedCampaign], limit: int, removed: Counter[str]
) -> dict[int, int]:
    """Empty at most `limit` contacts, campaign after campaign; positions emptied so far of each."""
    ranges = []
    emptied = {campaign.campaign_id: campaign.people_emptied for campaign in campaigns}
    for campaign in sorted(campaigns, key=lambda one: one.campaign_id):  # in the order of receipts
        count = min(campaign.people_left, limit)
        if count:
            ranges.append((campaign, count))
            emptied[campaign.campaign_id] += count
            limit -= count
    if ranges:
        removed["people"] = rows.empty_people(conn, ranges)
    return emptied


def _after(
    campaign: EndedCampaign,
    kept: CampaignKeeping,
    emptied: dict[int, int],
    unfinished: set[int],
) -> Look:
    if campaign.held:
        wait: timedelta | None = HELD_WAIT
    elif campaign.campaign_id in unfinished:
        wait = timedelta(0)
    else:
        wait = next_look(kept.all, campaign.age)
    done = emptied.get(campaign.campaign_id, campaign.people_emptied)
    return Look(campaign, done, None if wait is None else wait.total_seconds())
