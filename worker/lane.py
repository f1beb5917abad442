"""One instance's share of a batch: in slot order, a bounded number in flight, one breaker."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from shared.db.dispatch import LoadedLane
from shared.db.messages import LeasedMessage, OpenAttempt
from shared.domain.breaker import Breaker, BreakerState
from shared.domain.delivery import Receipt, Verdict, VerdictKind, sent, verdict_for
from shared.domain.pacing import tolerance
from shared.errors import ProviderError, TemporarilyUnavailable
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.observability.slow import note_duration
from shared.providers.evolution import EvolutionClient, Instance, boot_seconds
from worker.attempts import Attempts, Begun
from worker.deps import Deps
from worker.turns import Turns

log = get_logger(__name__)

_OPENS_AT_ONCE = {"connection_closed", "rate_overlimit"}
_LEASE_RESERVE_SECONDS = 1.0  # a lease about to lapse is not begun
_SHARED_LATE_SECONDS = 2.0  # sooner than alone: several workers would ask again and again


@dataclass(slots=True)
class Lane:
    """Sends its messages, then says what it handed back and how its breaker stands."""

    deps: Deps
    row: LoadedLane
    lease_id: UUID
    messages: Sequence[LeasedMessage]
    loaded_at: float  # monotonic instant the messages were loaded
    instance: Instance
    attempts: Attempts
    evolution: EvolutionClient
    turns: Turns
    draining: Callable[[], bool]
    breaker: Breaker = field(init=False)
    returned: list[tuple[LeasedMessage, str]] = field(default_factory=list)
    rest_reason: str | None = None
    ran_late: set[tuple[int, int]] = field(default_factory=set)
    probed: bool = False  # half-open: the one message it lets through has left

    def __post_init__(self) -> None:
        self.breaker = Breaker(
            BreakerState(self.row.breaker_state), self.row.errors_in_a_row, self.row.times_opened
        )

    async def run(self) -> None:
        """Deliver all messages of the lane; returns when none is in flight."""
        probing = self.breaker.state is BreakerState.HALF_OPEN
        in_flight = asyncio.Semaphore(1 if probing else self.row.in_flight_per_instance)
        async with asyncio.TaskGroup() as group:
            for message in self.messages:
                await in_flight.acquire()
                turn = await self._wait_for_turn(message)
                if isinstance(turn, float):
                    group.create_task(self._deliver(message, turn, in_flight))
                else:
                    in_flight.release()
                    self.returned.append((message, turn))

    async def _wait_for_turn(self, message: LeasedMessage) -> float | str:
        """Sleep until the message may leave: the instant its distance to others counts from, or a
        word when it may not leave at all now."""
        if held := self._held(message):
            return held
        slot = self.loaded_at + message.slot_in_seconds
        turn = self.turns.reserve(message, slot)
        if turn - slot > self._patience(message):
            return "late"
        wait = turn - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if turn > slot + 0.05:
            self.ran_late.add((message.tenant_id, message.campaign_id))
        return self._held(message) or self._counted(message, turn)

    def _counted(self, message: LeasedMessage, turn: float) -> float:
        """The turn; or now, told to those after it, where so much later that it would show."""
        now = time.monotonic()
        if message.shared_pace or now - turn <= tolerance(message.min_gap):
            return turn
        self.turns.came_late(message)
        return now

    def _held(self, message: LeasedMessage) -> str | None:
        if self.draining():
            return "shutdown"
        if not self.breaker.allows or self.probed:
            return "breaker_open"
        age = time.monotonic() - self.loaded_at
        if age + _LEASE_RESERVE_SECONDS > message.lease_seconds:
            return "lease_lost"
        return None

    async def _deliver(
        self, message: LeasedMessage, turn: float, in_flight: asyncio.Semaphore
    ) -> None:
        try:
            failpoint("worker_before_begin")
            begun = await self._begin(message)
            if isinstance(begun, str):
                await self._hold_back(message, begun)
                return
            failpoint("worker_after_begin")
            self.probed = self.breaker.state is BreakerState.HALF_OPEN
            await self._keep_distance(message, turn, begun)
            verdict = await self._attempt(message, begun)
            failpoint("worker_after_answer")
            await self.attempts.settle(message, begun.attempt, verdict)
            self._learn(message, verdict)
        except (TemporarilyUnavailable, psycopg.Error) as exc:
            log.warning("attempt_not_begun", **message.trace, error=repr(exc))
            self.returned.append((message, "not_begun"))
        except Exception:
            log.exception("delivery_failed", **message.trace, position=message.position)
        finally:
            in_flight.release()

    async def _begin(self, message: LeasedMessage) -> Begun | str:
        """Begin the attempt once the ceiling that workers share has room for it."""
        while (begun := await self.attempts.begin(message, self.lease_id)) == "too_soon":
            pause = message.min_gap * random.uniform(0.05, 0.25)  # noqa: S311  not in step
            await asyncio.sleep(max(pause, 0.01))
            behind = time.monotonic() - self.loaded_at - message.slot_in_seconds
            held = "late" if behind > self._patience(message) else self._held(message)
            if held is not None:
                return held
        return begun

    async def _keep_distance(self, message: LeasedMessage, turn: float, begun: Begun) -> None:
        """An attempt that stood still on the way to its call counts from its call."""
        if not message.shared_pace:
            self._counted(message, turn)
        elif boot_seconds() - begun.at > tolerance(message.min_gap):
            await self.attempts.came_late(message)

    def _patience(self, message: LeasedMessage) -> float:
        """Seconds behind its slot after which a message goes back for a new one."""
        late = self.deps.settings.delivery.late_seconds
        return min(late, _SHARED_LATE_SECONDS) if message.shared_pace else late

    async def _hold_back(self, message: LeasedMessage, reason: str) -> None:
        if reason == "suppressed":
            key = (message.tenant_id, message.campaign_id, message.position)
            leased = OpenAttempt(*key, self.lease_id, message.attempts)
            verdict = Verdict(VerdictKind.SUPPRESSED, code="suppressed")
            await self.attempts.settle(message, leased, verdict)
        else:
            self.returned.append((message, reason))

    async def _attempt(self, message: LeasedMessage, begun: Begun) -> Verdict:
        """Call the provider once and say what its answer proves."""
        started = time.monotonic()
        try:
            receipt = await self._call(message, begun)
        except ProviderError as error:
            return verdict_for(
                error,
                failures=message.failures + 1,
                policy=self.deps.backoff,
                jitter=random.random(),  # noqa: S311  spreads retries
                duration_seconds=time.monotonic() - started,
            )
        return sent(receipt, duration_seconds=time.monotonic() - started)

    async def _call(self, message: LeasedMessage, begun: Begun) -> Receipt:
        if message.image_url:
            return await self.evolution.send_image(
                self.instance, message.phone, message.image_url, message.body, begun_at=begun.at
            )
        return await self.evolution.send_text(
            self.instance, message.phone, message.body, begun_at=begun.at
        )

    def _learn(self, message: LeasedMessage, verdict: Verdict) -> None:
        """Count for the breaker and for the metrics."""
        metrics.record_verdict(self.row.name, verdict.kind.value)
        metrics.record_provider_call("send", verdict.duration_seconds)
        note_duration(
            "provider",
            "send_media" if message.image_url else "send_text",
            verdict.duration_seconds,
            **message.trace,
            instance=self.row.name,
            code=verdict.code,
        )
        if verdict.kind is VerdictKind.RETRY and verdict.code:
            metrics.record_retries(verdict.code)
        if not verdict.troubles_instance:
            if verdict.kind is VerdictKind.SENT:
                self.breaker = self.breaker.after_success()
            return
        was_open = not self.breaker.allows
        self.breaker = self.breaker.after_error(
            self.deps.breaker,
            jitter=random.random(),  # noqa: S311  spreads probes
            at_once=verdict.kind is VerdictKind.REST or verdict.code in _OPENS_AT_ONCE,
            at_least=verdict.wait_seconds if verdict.kind is VerdictKind.REST else 0.0,
        )
        if not self.breaker.allows and not was_open:
            self.rest_reason = verdict.code
            log.warning(
                "breaker_opened",
                campaign_ids=sorted({one.public_id for one in self.messages}),
                instance=self.row.name,
                reason=verdict.code,
                rest_seconds=round(self.breaker.rest_seconds, 1),
            )
