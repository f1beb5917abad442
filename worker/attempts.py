"""Begin and settle attempts: the two commits around every call, shared by all calls in flight."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from shared.db import messages as rows
from shared.db.events import Audience, NamedContact
from shared.db.messages import LeasedMessage, OpenAttempt, Settlement
from shared.db.pool import connection
from shared.domain.delivery import Verdict, VerdictKind
from shared.errors import TemporarilyUnavailable
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.evolution import boot_seconds
from worker.campaign_log import CampaignLog
from worker.completion import finish
from worker.deps import Deps
from worker.group_commit import GroupCommit

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that is committed as open; `at` is the boot clock right after the commit."""

    attempt: OpenAttempt
    at: float


@dataclass(frozen=True, slots=True)
class Settling:
    """A verdict in hand, with the message it is about."""

    message: LeasedMessage
    attempt: OpenAttempt
    verdict: Verdict


class Attempts:
    """One writer for beginnings and one for verdicts: neither waits for the other."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._campaign_log = CampaignLog(deps.pool)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="attempts")
        self._beginning = GroupCommit(self._begin_all, self._threads)
        self._settling = GroupCommit(self._settle_all, self._threads)

    async def begin(self, message: LeasedMessage, lease_id: UUID) -> Begun | str:
        """Open an attempt, or say why not: lease_lost, a campaign status, suppressed, open_send.

        Raises:
            TemporarilyUnavailable: the database did not answer. Whether the attempt was opened is
                unknown, so it has been closed again as not sent.
        """
        try:
            return await self._beginning.submit((message, lease_id))
        except (TemporarilyUnavailable, psycopg.Error):
            unsent = OpenAttempt(
                message.tenant_id,
                message.campaign_id,
                message.position,
                lease_id,
                message.attempts + 1,
            )
            await self.settle(message, unsent, Verdict(VerdictKind.REST, code="not_begun_in_time"))
            raise

    async def settle(self, message: LeasedMessage, attempt: OpenAttempt, verdict: Verdict) -> None:
        """Record a verdict; it is tried until the attempt's lease is over, then the sweep rules."""
        await self._settling.submit(Settling(message, attempt, verdict))

    async def came_late(self, message: LeasedMessage) -> None:
        """The ceiling that workers share counts this begun message from now."""
        try:
            await asyncio.to_thread(self._push_ceiling, message)
        except (TemporarilyUnavailable, psycopg.Error) as exc:
            log.warning("ceiling_not_pushed", campaign_id=message.public_id, error=repr(exc))

    def _push_ceiling(self, message: LeasedMessage) -> None:
        with connection(self._deps.pool) as conn:
            rows.push_ceiling(conn, message)

    def close(self) -> None:
        """End the writers once nothing is in flight."""
        self._threads.shutdown(wait=True)

    def _begin_all(self, wanted: Sequence[tuple[LeasedMessage, UUID]]) -> list[Begun | str]:
        with connection(self._deps.pool) as conn:
            begun = rows.begin_attempts(
                conn,
                wanted,
                hash_phone=self._deps.hash_phone,
                open_seconds=self._deps.open_seconds,
            )
        at = boot_seconds()
        missing = [one for one in wanted if (one[0].campaign_id, one[0].position) not in begun]
        reasons = {}
        if missing:
            with connection(self._deps.pool) as conn:
                reasons = rows.held_back(conn, missing, hash_phone=self._deps.hash_phone)
        results: list[Begun | str] = []
        for message, lease_id in wanted:
            key = (message.campaign_id, message.position)
            number = begun.pop(key, None)  # one attempt, one caller
            if number is None:
                results.append(reasons.get(key, "lease_lost"))
            else:
                opened = OpenAttempt(message.tenant_id, *key, lease_id, number)
                results.append(Begun(opened, at))
        return results

    def _settle_all(self, settling: Sequence[Settling]) -> list[None]:
        patient = Retrying(
            retry=retry_if_exception_type((TemporarilyUnavailable, psycopg.OperationalError)),
            stop=stop_after_delay(self._deps.open_seconds),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        try:
            self._tell(settling, patient(self._record, settling))
        except (TemporarilyUnavailable, psycopg.OperationalError) as exc:
            log.warning(
                "verdicts_left_to_sweep",
                campaign_ids=sorted({one.message.public_id for one in settling}),
                count=len(settling),
                error=repr(exc),
            )
        except psycopg.Error:
            self._settle_alone(settling)
        return [None] * len(settling)

    def _settle_alone(self, settling: Sequence[Settling]) -> None:
        """One row the database refuses must not cost the others their verdict."""
        for one in settling:
            try:
                self._tell([one], self._record([one]))
            except (psycopg.Error, TemporarilyUnavailable):
                log.exception(
                    "verdict_left_to_sweep", **one.message.trace, position=one.message.position
                )

    def _record(self, settling: Sequence[Settling]) -> Settlement:
        with connection(self._deps.pool) as conn:
            return rows.record_verdicts(
                conn,
                [(one.attempt, one.verdict) for one in settling],
                quiet_seconds=self._deps.quiet_seconds,
            )

    def _tell(self, settling: Sequence[Settling], settlement: Settlement) -> None:
        failpoint("worker_after_verdict")
        self._deps.outlet.tell(settlement.events, _audiences(settling), self._contacts(settling))
        try:
            self._campaign_log.tell(
                [(one.message, one.attempt, one.verdict) for one in settling], settlement
            )
            self._deps.outlet.tell(finish(self._deps.pool, settlement.done))
        except (psycopg.Error, TemporarilyUnavailable) as exc:
            log.warning("end_left_to_sweep", campaigns=len(settlement.done), error=repr(exc))
        doubts = sum(one.verdict.kind is VerdictKind.UNKNOWN for one in settling)
        if doubts:
            metrics.record_doubts_opened(doubts)

    def _contacts(self, settling: Sequence[Settling]) -> dict[tuple[int, int], NamedContact]:
        return {
            (message.campaign_id, message.position): NamedContact(
                message.campaign_id, message.position, message.name, message.phone, message.body
            )
            for message in (one.message for one in settling)
        }


def _audiences(settling: Sequence[Settling]) -> dict[int, Audience]:
    return {
        message.campaign_id: Audience(
            message.campaign_id, message.public_id, message.user_id, message.request_id
        )
        for message in (one.message for one in settling)
    }
