"""Dispatch: which campaigns may send now, which messages, on which instance, in which slots.

One transaction leases messages and lanes; the tasks that carry them leave after its commit. If they
do not get out, the leases lapse and the sweep puts everything back.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from psycopg import Connection

from shared.db import dispatch as rows
from shared.db import events
from shared.db.dispatch import CampaignKey, ClaimedMessage, DueCampaign, FreeLane, WantedSlot
from shared.db.events import StoredEvents
from shared.db.pool import Row, connection
from shared.domain import lifecycle
from shared.domain.breaker import BreakerState
from shared.domain.pacing import Pace, Slots, plan_slots
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.observability.slow import note_duration
from shared.queue.payloads import LeasedBatch
from worker.completion import finish
from worker.deps import Deps

log = get_logger(__name__)

_CAMPAIGNS_PER_RUN = 1000
_POLL_SECONDS = 1.0  # a campaign whose open messages are all on their way


def dispatch(deps: Deps, enqueue: Callable[[Sequence[LeasedBatch]], None]) -> int:
    """Start what may start, lease what may leave; returns how many messages were leased.

    `enqueue` hands batches to the broker; it may raise, then the sweep takes the leases back.
    """
    began = time.monotonic()
    _start(deps)
    leased = 0
    while True:
        plan = _lease(deps)
        deps.outlet.tell(finish(deps.pool, plan.drained))
        if not plan.batches:
            break
        failpoint("dispatch_leased")
        enqueue(plan.batches)
        leased += sum(len(batch.messages) for batch in plan.batches)
        if plan.lanes < deps.settings.dispatch.lanes_per_run:
            break
    seconds = time.monotonic() - began
    metrics.record_dispatch(seconds)
    note_duration("job", "dispatch", seconds, leased=leased)
    metrics.record_leases_given(leased)
    return leased


def _start(deps: Deps) -> None:
    with connection(deps.pool) as conn:
        rows.assign_default_instances(conn)
        started = [
            (campaign, _pace_of(campaign).expected_gap) for campaign in rows.start_campaigns(conn)
        ]
        told: list[StoredEvents] = []
        if started:
            standing = rows.prepare_started(conn, started)
            for campaign, gap in sorted(started, key=lambda one: one[0].campaign_id):
                beginning = standing[campaign.tenant_id, campaign.campaign_id]
                event = lifecycle.started(beginning, gap_seconds=gap, reopened=campaign.reopened)
                told.append(events.append(conn, campaign.tenant_id, campaign.campaign_id, [event]))
    deps.outlet.tell(told)
    for campaign, gap in started:
        log.info(
            "campaign_started",
            campaign_id=campaign.public_id,
            request_id=campaign.request_id,
            gap_seconds=round(gap, 2),
            reopened=campaign.reopened,
        )


def _pace_of(campaign: rows.StartedCampaign | DueCampaign) -> Pace:
    return Pace(
        campaign.delay_min,
        campaign.delay_max,
        campaign.messages_per_second,
        campaign.burst_per_second,
    )


@dataclass(slots=True)
class _Plan:
    """What one transaction leased. `drained`: campaigns without a due message, perhaps over."""

    lanes: int = 0
    batches: list[LeasedBatch] = field(default_factory=list)
    drained: list[CampaignKey] = field(default_factory=list)


def _lease(deps: Deps) -> _Plan:
    knobs = deps.settings
    with connection(deps.pool) as conn:
        lanes = rows.lock_lanes(conn, limit=knobs.dispatch.lanes_per_run)
        if not lanes:
            return _Plan()
        due = rows.lock_due_campaigns(
            conn, [lane.instance_id for lane in lanes], limit=_CAMPAIGNS_PER_RUN
        )
        wanted, slots = _plan_slots(deps, lanes, due)
        claimed = (
            rows.claim(
                conn,
                wanted,
                lookahead_seconds=knobs.dispatch.lookahead_seconds,
                lease_seconds=knobs.delivery.lease_seconds,
            )
            if wanted
            else []
        )
        drained = _advance(conn, due, slots, claimed, knobs.dispatch.lookahead_seconds)
        taken = sorted({(message.instance_id, message.lease_id) for message in claimed})
        if taken:
            rows.take_lanes(conn, taken, lease_seconds=knobs.delivery.lease_seconds)
    served = {instance_id for instance_id, _ in taken}
    for lane in lanes:
        if lane.breaker_state == BreakerState.OPEN and lane.instance_id in served:
            metrics.record_breaker(BreakerState.HALF_OPEN.value)
    return _Plan(len(lanes), _batches(claimed), drained)


def _plan_slots(
    deps: Deps, lanes: Sequence[FreeLane], due: Sequence[DueCampaign]
) -> tuple[list[WantedSlot], dict[CampaignKey, Slots]]:
    """Slots for each due campaign, dealt to its lanes in turn; campaigns share a lane evenly."""
    knobs = deps.settings
    batch_size = knobs.delivery.batch_size
    usage: dict[int, int] = defaultdict(int)
    for campaign in due:
        for lane in campaign.lanes:
            usage[lane] += 1
    share = {
        lane.instance_id: max(_capacity(lane, batch_size) // usage[lane.instance_id], 1)
        for lane in lanes
        if usage[lane.instance_id]
    }
    leases = _leases(list(share), share, knobs.delivery.task_size)
    wanted: list[WantedSlot] = []
    planned: dict[CampaignKey, Slots] = {}
    for campaign in due:
        order = _in_turn(campaign.lanes, share)
        slots = plan_slots(
            _pace_of(campaign),
            first=campaign.first_slot,
            horizon=knobs.dispatch.lookahead_seconds,
            limit=len(order),
            dice=random.random,
        )
        planned[campaign.tenant_id, campaign.campaign_id] = slots
        wanted.extend(
            WantedSlot(campaign.tenant_id, campaign.campaign_id, rank, lane, leases[lane], wait)
            for rank, (wait, lane) in enumerate(zip(slots.waits, order, strict=False), start=1)
        )
    return wanted, planned


def _capacity(lane: FreeLane, batch_size: int) -> int:
    """One message probes an instance whose breaker was open; a healthy one takes a batch."""
    return batch_size if lane.breaker_state == BreakerState.CLOSED else 1


def _in_turn(lanes: Sequence[int], share: dict[int, int]) -> list[int]:
    """Lanes dealt round by round until each has its share: [a, b, a, b, b]."""
    rounds = max(share[lane] for lane in lanes)
    return [lane for turn in range(rounds) for lane in lanes if turn < share[lane]]


def _leases(lanes: Sequence[int], share: dict[int, int], task_size: int) -> dict[int, UUID]:
    """One lease per task; a task carries lanes until it is full."""
    leases: dict[int, UUID] = {}
    lease, room = uuid4(), task_size
    for lane in lanes:
        if room < share[lane]:
            lease, room = uuid4(), task_size
        leases[lane] = lease
        room -= share[lane]
    return leases


def _advance(
    conn: Connection[Row],
    due: Sequence[DueCampaign],
    slots: dict[CampaignKey, Slots],
    claimed: Sequence[ClaimedMessage],
    lookahead: float,
) -> list[CampaignKey]:
    """Move each campaign's next slot and next look; returns those that had nothing due."""
    used: dict[CampaignKey, int] = defaultdict(int)
    for message in claimed:
        used[message.tenant_id, message.campaign_id] += 1
    moves, drained = [], []
    for campaign in due:
        key = (campaign.tenant_id, campaign.campaign_id)
        planned, count = slots[key], used[key]
        slot = planned.used(count) if count else None
        if count < len(planned.waits):
            again = _POLL_SECONDS
        else:
            again = max(planned.used(count) - lookahead, 0.0)
        if not count:
            drained.append(key)
        moves.append((key, slot, again))
    if moves:
        rows.advance_pace(conn, moves)
    return drained


def _batches(claimed: Sequence[ClaimedMessage]) -> list[LeasedBatch]:
    by_lease: dict[UUID, list[ClaimedMessage]] = defaultdict(list)
    for message in claimed:
        by_lease[message.lease_id].append(message)
    return [
        LeasedBatch(
            lease_id=lease_id,
            lanes=sorted({message.instance_id for message in messages}),
            messages=[
                (message.tenant_id, message.campaign_id, message.position)
                for message in sorted(messages, key=lambda one: (one.campaign_id, one.rank))
            ],
        )
        for lease_id, messages in by_lease.items()
    ]
