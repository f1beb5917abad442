"""Sweep: take back what dead processes left, each repair a guarded statement of its own."""

from shared.db import dispatch, idempotency, messages, open_sends
from shared.db import events as stored_events
from shared.db.pool import connection
from shared.domain.delivery import Verdict, VerdictKind
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger
from worker.completion import finish
from worker.deps import Deps

log = get_logger(__name__)

_LAPSED = Verdict(VerdictKind.UNKNOWN, code="lease_lapsed")


def sweep(deps: Deps) -> int:
    """Run every repair once; returns how many rows were repaired."""
    repaired = {
        "lapsed_lease": _release_leased(deps),
        "lapsed_sending": _doubt_sending(deps),
        "open_send": _close_windows(deps),
        "unfinished_campaign": _finish_over(deps),
        "unpublished_events": relay(deps),
        "idempotency_key": _forget_keys(deps),
    }
    for kind, count in repaired.items():
        metrics.record_repairs(kind, count)
    return sum(repaired.values())


def _release_leased(deps: Deps) -> int:
    with connection(deps.pool) as conn:
        return messages.release_lapsed_leased(conn, limit=deps.settings.sweep.batch_size)


def _doubt_sending(deps: Deps) -> int:
    """An attempt was open when its worker died: it may have been sent, so it becomes a doubt."""
    with connection(deps.pool) as conn:
        lapsed = messages.claim_lapsed_sending(conn, limit=deps.settings.sweep.batch_size)
        if not lapsed:
            return 0
        settlement = messages.record_verdicts(
            conn, [(attempt, _LAPSED) for attempt in lapsed], quiet_seconds=deps.quiet_seconds
        )
        told = stored_events.audiences(conn, settlement.events)
        failpoint("sweep_before_commit")
    log.warning(
        "attempts_left_in_doubt",
        campaign_ids=sorted(audience.public_id for audience in told.values()),
        count=len(lapsed),
    )
    metrics.record_doubts_opened(len(lapsed))
    deps.outlet.tell(settlement.events)
    deps.outlet.tell(finish(deps.pool, settlement.done))
    return len(lapsed)


def _close_windows(deps: Deps) -> int:
    with connection(deps.pool) as conn:
        return open_sends.close_windows(conn, hours=deps.settings.evidence.window_hours)


def _finish_over(deps: Deps) -> int:
    with connection(deps.pool) as conn:
        over = dispatch.list_over(conn, limit=deps.settings.sweep.batch_size)
    told = finish(deps.pool, over)
    deps.outlet.tell(told)
    return len(told)


def _forget_keys(deps: Deps) -> int:
    with connection(deps.pool) as conn:
        return idempotency.forget(conn)


def relay(deps: Deps) -> int:
    """Publish events whose process died between commit and publish; returns how many batches."""
    knobs = deps.settings.sweep
    with connection(deps.pool) as conn:
        left = stored_events.claim_unpublished(
            conn, older_than_seconds=knobs.publish_after_seconds, limit=knobs.batch_size
        )
        if left:
            deps.outlet.publish_now(conn, left)
    return len(left)
