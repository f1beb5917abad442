"""The sending half of a worker process: one event loop in a thread, fed by Celery's tasks.

A task only hands its batch over, so a hanging instance occupies no Celery slot. How much a process
holds at once is bounded; beyond it `accept` waits and the broker keeps the rest.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from shared.observability import tracing
from shared.observability.logging import get_logger
from shared.observability.uncaught import watch_loop
from shared.providers.evolution import EvolutionClient
from shared.queue.payloads import LeasedBatch
from worker.attempts import Attempts
from worker.delivery import Delivery
from worker.deps import Deps

log = get_logger(__name__)

new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    from uvloop import new_event_loop
except ImportError:  # not built for this platform
    new_event_loop = asyncio.new_event_loop

_TURN_SECONDS = 1.0
_HELD_AT_ONCE = 10_000  # messages, about a kilobyte each


class Sender:
    """Start it once per process; `accept` may be called from any thread."""

    def __init__(self, deps: Deps, ring: Callable[[], None]) -> None:
        self._deps = deps
        self._ring = ring
        self._loop = new_event_loop()
        self._draining = False
        self._held = 0
        self._room = threading.Condition()
        self._ready = threading.Event()
        self._stopped: asyncio.Event | None = None
        self._delivery: Delivery | None = None
        self.turns = 0  # grows by one a second while the loop turns
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Start the loop; returns when it can take batches."""
        self._thread.start()
        self._ready.wait()

    def accept(self, batch: LeasedBatch) -> None:
        """Take a batch; waits while the process holds enough. While draining it is handed back."""
        size = len(batch.messages)
        with self._room:
            self._room.wait_for(lambda: self._held == 0 or self._held + size <= _HELD_AT_ONCE)
            self._held += size
        if self._delivery is None:
            raise RuntimeError("the sender has not been started")
        done = asyncio.run_coroutine_threadsafe(self._delivery.deliver(batch), self._loop)
        done.add_done_callback(lambda future: self._delivered(size, future))

    def drain(self, timeout_seconds: float) -> bool:
        """Begin nothing more, hand back what waits, finish what is in flight; True if all ended."""
        self._draining = True
        until = time.monotonic() + timeout_seconds
        with self._room:
            ended = self._room.wait_for(
                lambda: self._held == 0, timeout=max(until - time.monotonic(), 0)
            )
        if self._stopped is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(timeout=5)
        return ended

    def _delivered(self, size: int, future: "Future[None]") -> None:
        with self._room:
            self._held -= size
            self._room.notify_all()
        error = future.exception()
        if error is not None:
            log.error("batch_failed", error=repr(error), exc_info=error)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        watch_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _turn(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(_TURN_SECONDS)

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        settings = self._deps.settings
        attempts_type, delivery_type = _parts()
        attempts = attempts_type(self._deps)
        async with EvolutionClient(settings.evolution_api_url, settings.delivery) as evolution:
            self._delivery = delivery_type(
                self._deps, evolution, attempts, self._ring, lambda: self._draining
            )
            keeper = asyncio.create_task(self._delivery.keep_lanes())
            turning = asyncio.create_task(self._turn())
            self._ready.set()
            await self._stopped.wait()
            keeper.cancel()
            turning.cancel()
        await asyncio.to_thread(attempts.close)
        await asyncio.to_thread(self._delivery.close)


def _parts() -> tuple[type[Attempts], type[Delivery]]:
    if tracing.is_on():
        from worker.traced_sending import TracedAttempts, TracedDelivery  # only where it is on

        return TracedAttempts, TracedDelivery
    return Attempts, Delivery
