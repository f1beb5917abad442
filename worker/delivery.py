"""Send a batch of leased messages: load what the lease still owns, run its lanes side by side."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg import Connection
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from shared.db import circuits
from shared.db import dispatch as lane_rows
from shared.db import messages as rows
from shared.db.dispatch import FreedLane, LoadedLane
from shared.db.messages import LeasedMessage, Released
from shared.db.pool import Row, connection
from shared.domain.breaker import BreakerState
from shared.errors import TemporarilyUnavailable
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.evolution import EvolutionClient
from shared.queue.payloads import LeasedBatch
from worker.attempts import Attempts
from worker.deps import Deps
from worker.group_commit import GroupCommit
from worker.lane import Lane
from worker.turns import Turns

log = get_logger(__name__)

_LOST = {"lease_lost", "cancelled"}  # somebody else's by now: nothing to hand back


@dataclass
class Delivery:
    """The send use case of one process, callable without Celery."""

    deps: Deps
    evolution: EvolutionClient
    attempts: Attempts
    ring: Callable[[], None]  # the dispatch doorbell: a lane ran dry
    draining: Callable[[], bool] = lambda: False
    turns: Turns = field(default_factory=Turns)
    busy: set[tuple[int, UUID]] = field(default_factory=set)  # lanes: (instance id, lease id)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lanes")
        self._returning: GroupCommit[Lane, None] = GroupCommit(self._give_back_all, self._thread)

    def close(self) -> None:
        """End the thread that gives lanes back, once none is busy."""
        self._thread.shutdown(wait=True)

    async def deliver(self, batch: LeasedBatch) -> None:
        """Settle or hand back every message of a batch. A batch delivered twice changes nothing."""
        try:
            lanes, messages, loaded_at = await asyncio.to_thread(self._patient(), self._load, batch)
        except TemporarilyUnavailable as exc:
            log.warning("batch_not_loaded", error=exc.code)  # its lease lapses
            return
        if not lanes:
            log.info("lease_lost", messages=len(batch.messages))
            return
        by_lane: dict[int, list[LeasedMessage]] = defaultdict(list)
        for message in messages:
            by_lane[message.instance_id].append(message)
        await asyncio.gather(
            *(self._serve(batch, row, by_lane[row.instance_id], loaded_at) for row in lanes)
        )

    def _load(self, batch: LeasedBatch) -> tuple[list[LoadedLane], list[LeasedMessage], float]:
        with connection(self.deps.pool) as conn:
            lanes = lane_rows.load_lanes(conn, batch.lanes, batch.lease_id)
            messages = rows.load_leased(conn, batch.lease_id, batch.messages)
        return lanes, messages, time.monotonic()

    async def keep_lanes(self) -> None:
        """Hold the lanes that are busy for as long as they are; runs until it is cancelled."""
        lease = self.deps.settings.delivery.lease_seconds
        while True:
            await asyncio.sleep(lease / 3)
            if not self.busy:
                continue
            try:
                await asyncio.to_thread(self._keep, sorted(self.busy), lease)
            except TemporarilyUnavailable as exc:
                log.warning("lanes_not_kept", lanes=len(self.busy), error=exc.code)

    def _keep(self, kept: Sequence[tuple[int, UUID]], lease_seconds: float) -> None:
        with connection(self.deps.pool) as conn:
            lane_rows.keep_lanes(conn, kept, lease_seconds=lease_seconds)

    def _patient(self) -> Retrying:
        """A database that is away for a moment does not cost the lane its lease."""
        return Retrying(
            retry=retry_if_exception_type(TemporarilyUnavailable),
            stop=stop_after_delay(self.deps.settings.delivery.lease_seconds / 2),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        )

    async def _serve(
        self,
        batch: LeasedBatch,
        row: LoadedLane,
        messages: Sequence[LeasedMessage],
        loaded_at: float,
    ) -> None:
        """One lane from first to last; whatever goes wrong in it stays in it."""
        held = (row.instance_id, batch.lease_id)
        self.busy.add(held)
        try:
            await self._run(batch, row, messages, loaded_at)
        except Exception:
            log.exception("lane_failed", instance=row.name)  # its lease lapses
        finally:
            self.busy.discard(held)
        self.ring()

    def lane_type(self) -> type[Lane]:
        """What lanes are made of."""
        return Lane

    async def _run(
        self,
        batch: LeasedBatch,
        row: LoadedLane,
        messages: Sequence[LeasedMessage],
        loaded_at: float,
    ) -> None:
        lane = self.lane_type()(
            self.deps,
            row,
            batch.lease_id,
            messages,
            loaded_at,
            self.deps.credentials(row),
            self.attempts,
            self.evolution,
            self.turns,
            self.draining,
        )
        await lane.run()
        await self._returning.submit(lane)

    def _give_back_all(self, lanes: Sequence[Lane]) -> list[None]:
        """Lanes that end together go back in one transaction, or alone where one is refused."""
        try:
            self._patient()(self._give_back, lanes)
        except psycopg.Error:
            for lane in lanes:
                try:
                    self._patient()(self._give_back, [lane])
                except (psycopg.Error, TemporarilyUnavailable):
                    log.exception("lane_not_freed", instance=lane.row.name)  # its lease lapses
        return [None] * len(lanes)

    def _give_back(self, lanes: Sequence[Lane]) -> None:
        """Hand back what did not leave, and the lanes themselves."""
        late = {key: self.turns.next_free(key[1]) for lane in lanes for key in lane.ran_late}
        with connection(self.deps.pool) as conn:
            self._release(conn, lanes)
            if late:
                lane_rows.delay_pace(conn, sorted(late.items()))
            moved = lane_rows.free_lanes(conn, [_freed(lane) for lane in lanes])
            told = circuits.tell(conn, moved)
        for circuit in moved:
            metrics.record_breaker(circuit.state)
            log.info("breaker_moved", instance=circuit.name, state=circuit.state)
        self.deps.outlet.tell(told)

    def _release(self, conn: Connection[Row], lanes: Sequence[Lane]) -> None:
        wait = self.deps.settings.delivery.open_conflict_seconds
        released = []
        for lane in lanes:
            for message, reason in lane.returned:
                if reason == "open_send":
                    released.append(Released(message, lane.lease_id, reason, wait))
                elif reason not in _LOST:
                    released.append(Released(message, lane.lease_id))
        if released:
            rows.release(conn, released)
        for reason, count in Counter(why for one in lanes for _, why in one.returned).items():
            metrics.record_leases_returned(reason, count)


def _freed(lane: Lane) -> FreedLane:
    breaker = lane.breaker
    state = breaker.state
    if state is BreakerState.HALF_OPEN:
        state = BreakerState.OPEN  # the probe never left: probe again at once
    return FreedLane(
        lane.row.instance_id,
        lane.lease_id,
        state.value,
        breaker.errors_in_a_row,
        breaker.times_opened,
        breaker.rest_seconds,
        lane.rest_reason,
    )
