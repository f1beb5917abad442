"""What support reads of a campaign: each tenth of the way, the first error of every kind.

A line per message is written at DEBUG only.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from shared.db.campaigns import list_reasons
from shared.db.messages import LeasedMessage, OpenAttempt, Settlement
from shared.db.pool import Pool, connection
from shared.domain.delivery import Verdict, VerdictKind
from shared.observability.logging import get_logger

log = get_logger(__name__)

_REMEMBERED: Final = 2000  # (campaign, code)
_CALM: Final = frozenset({VerdictKind.SENT, VerdictKind.SUPPRESSED})

Settled = tuple[LeasedMessage, OpenAttempt, Verdict]


class CampaignLog:
    """One per process; it remembers which kinds of error it has told of."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[int, str], None] = OrderedDict()

    def tell(self, settled: Sequence[Settled], settlement: Settlement) -> None:
        """After the commit of these verdicts."""
        names = {message.campaign_id: message for message, _, _ in settled}
        for message, attempt, verdict in settled:
            self._tell_one(message, attempt, verdict)
        for stand in settlement.stands:
            message_of = names.get(stand.campaign_id)
            if message_of is None or not stand.passed_a_tenth:
                continue
            log.info(
                "campaign_progress",
                **message_of.trace,
                percent=round(100 * stand.processed / stand.total, 1),
                processed=stand.processed,
                total=stand.total,
                sent=stand.sent,
                failed=stand.failed,
                in_doubt=stand.in_doubt,
                errors=self._errors(message_of) if stand.failed else {},
            )

    def _tell_one(self, message: LeasedMessage, attempt: OpenAttempt, verdict: Verdict) -> None:
        fields = {
            **message.trace,
            "position": message.position,
            "attempt": attempt.attempt,
            "verdict": verdict.kind.value,
            "code": verdict.code,
            "seconds": round(verdict.duration_seconds or 0.0, 3),
        }
        log.debug("message_settled", **fields)
        if verdict.kind not in _CALM and self._is_new(message.campaign_id, verdict.code or ""):
            log.warning("campaign_error_seen", **fields, http_status=verdict.http_status)

    def _is_new(self, campaign_id: int, code: str) -> bool:
        with self._lock:
            new = (campaign_id, code) not in self._seen
            self._seen[campaign_id, code] = None
            self._seen.move_to_end((campaign_id, code))
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return new

    def _errors(self, message: LeasedMessage) -> dict[str, int]:
        with connection(self._pool) as conn:
            reasons = list_reasons(conn, message.tenant_id, message.campaign_id)
        return {one.code: one.count for one in reasons if one.kind == "failed"}
