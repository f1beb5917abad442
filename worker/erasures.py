"""Erasures: what is open for a person is settled, then the rows lose them."""

from typing import Final

from psycopg import Connection

from shared.db import doubts, erasures, messages
from shared.db.erasures import DueErasure, Stand
from shared.db.messages import Settlement
from shared.db.pool import Row, connection
from shared.domain.delivery import Verdict, VerdictKind
from shared.domain.phone import InvalidPhone, parse_phone, same_person_forms
from shared.observability import metrics
from shared.observability.logging import get_logger
from worker.completion import finish
from worker.deps import Deps

log = get_logger(__name__)

_AT_ONCE: Final = 20
_SUPPRESSED: Final = Verdict(VerdictKind.SUPPRESSED, code="suppressed")


def erase_people(deps: Deps) -> int:
    """Work on requests that are due; returns how many are done now.

    A request waits for what is in flight and for the evidence window of a doubt; each step is a
    transaction of its own, so that locks are taken in everybody's order.
    """
    with connection(deps.pool) as conn:
        due = erasures.list_due(conn, limit=_AT_ONCE)
    return sum(_erase(deps, one) for one in due)


def _erase(deps: Deps, due: DueErasure) -> bool:
    limit = deps.settings.retention.batch_size
    _skip_waiting(deps, due, limit)
    _give_up_doubts(deps, due, limit)
    unread = _forget_webhooks(deps, due, limit)
    with connection(deps.pool) as conn:
        if not erasures.claim(conn, due):
            return False
        theirs, more = _find(conn, due, limit)
        emptied = erasures.empty(conn, due, theirs)
        left = len(theirs) - emptied + unread + more
        erasures.record(conn, due, emptied=emptied, left=left, hash_phone=deps.hash_phone)
    log.info("erasure_worked_on", erasure_id=due.erasure_id, contacts=emptied, left=left)
    return not left


def _find(conn: Connection[Row], due: DueErasure, limit: int) -> tuple[list[Stand], bool]:
    """Where they stand, and whether there may be more of it."""
    found = erasures.find(conn, due, limit=limit)
    return [stand for stand in found if _is_them(stand, due.phone)], len(found) == limit


def _forget_webhooks(deps: Deps, due: DueErasure, limit: int) -> int:
    """Before the rows that know by which names; how many are still unread.

    Not at every look: while all that is left waits for its end, nothing new is known.
    """
    with connection(deps.pool) as conn:
        theirs, _ = _find(conn, due, limit)
    if theirs and not any(stand.is_over for stand in theirs):
        return 0
    names = {stand.remote_jid for stand in theirs if stand.remote_jid}
    with connection(deps.pool) as conn:
        return erasures.forget_webhooks(conn, due, {*names, *same_person_forms(due.phone)})


def _skip_waiting(deps: Deps, due: DueErasure, limit: int) -> None:
    with connection(deps.pool) as conn:
        leased = erasures.lease_waiting(conn, due, limit=limit)
        if not leased:
            return
        verdicts = [(attempt, _SUPPRESSED) for attempt in leased]
        settlement = messages.record_verdicts(conn, verdicts, quiet_seconds=0)
    _tell(deps, settlement)


def _give_up_doubts(deps: Deps, due: DueErasure, limit: int) -> None:
    with connection(deps.pool) as conn:
        doubtful = erasures.lock_doubts(conn, due, limit=limit)
        if not doubtful:
            return
        settlement = doubts.settle(conn, doubtful, "failed")
    metrics.record_doubts_settled("given_up", len(doubtful))
    _tell(deps, settlement)


def _tell(deps: Deps, settlement: Settlement) -> None:
    deps.outlet.tell(settlement.events)
    deps.outlet.tell(finish(deps.pool, settlement.done))


def _is_them(stand: Stand, phone: str) -> bool:
    if stand.sendable:
        return True
    try:
        return parse_phone(stand.phone, allow_foreign=True).digits == phone
    except InvalidPhone:
        return False
