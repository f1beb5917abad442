"""Ends a process that is alive but does no work: judged by progress, not by pulse.

A consumer that lost its broker without noticing still answers pings. Three things tell it from an
idle or a slow one: its queue has work and it begins none; PostgreSQL shows batches that were given
out, again and again, and taken by nobody; its sending loop turns no more. Whoever supervises the
process starts it again, and leases bring back what it held.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError

from shared.observability.logging import get_logger

log = get_logger(__name__)

_LOOK_SECONDS = 2.0
_STOPPED_SECONDS = 5 * _LOOK_SECONDS  # between two looks: the process itself was stopped
_LULL_SECONDS = 5 * _LOOK_SECONDS  # from the lapse of a lease until its messages are given out anew
_LAST_SECONDS = 15.0  # beyond the drain: then the end comes by force
DEAF = 75  # EX_TEMPFAIL: start it again


class Progress:
    """Tasks begun by this process; moved by Celery's signals from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = 0
        self._moved_at = clock()

    def began(self) -> None:
        """A task was taken and begins."""
        with self._lock:
            self._running += 1
            self._moved_at = self._clock()

    def ended(self) -> None:
        """It ended."""
        with self._lock:
            self._running = max(self._running - 1, 0)
            self._moved_at = self._clock()

    def silent_seconds(self) -> float:
        """Since the last task began or ended; 0 while one runs."""
        with self._lock:
            return 0.0 if self._running else self._clock() - self._moved_at


@dataclass(slots=True)
class _Span:
    """How long something has been so at every look; a lull shorter than `lull_seconds` is none."""

    lull_seconds: float = 0.0
    since: float | None = None
    seen_at: float = 0.0

    def look(self, now: float, *, so: bool) -> float:
        if so:
            self.since = now if self.since is None else self.since
            self.seen_at = now
        elif self.since is not None and now - self.seen_at >= self.lull_seconds:
            self.since = None
        return 0.0 if self.since is None else now - self.since

    def forget(self) -> None:
        self.since = None


@dataclass(frozen=True, slots=True)
class Signs:
    """What a watchdog looks at; each answers at once or within a second or two.

    `waiting`: tasks in the queues of this process, None where the broker does not answer.
    `untaken`: batches were given out and nobody took them; None where nobody can tell, or where
    this process takes none. `turns`: grows while the sending loop turns; None: there is none.
    """

    waiting: Callable[[], int | None]
    untaken: Callable[[], bool | None] = lambda: None
    turns: Callable[[], int | None] = lambda: None


class Watchdog:
    """One thread that looks every two seconds."""

    def __init__(
        self,
        progress: Progress,
        signs: Signs,
        *,
        silence_seconds: float,
        lease_seconds: float,
        end: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._signs = signs
        self._silence_seconds = silence_seconds
        self._lease_seconds = lease_seconds
        self._end = end
        self._clock = clock
        self._stopped = threading.Event()
        self._wanted = _Span()
        self._untaken = _Span(lull_seconds=_LULL_SECONDS)
        self._stalled = _Span()
        self._turns: int | None = None
        self._looked_at = clock()

    def start(self) -> None:
        """Watch until the process ends."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """The process ends by itself."""
        self._stopped.set()

    def look(self) -> str | None:
        """Why the process must end: `deaf`, `untaken`, `stalled`; None: it is well."""
        now = self._clock()
        if now - self._looked_at > _STOPPED_SECONDS:  # what happened meanwhile proves nothing
            for span in (self._wanted, self._untaken, self._stalled):
                span.forget()
        self._looked_at = now
        turns, before = self._signs.turns(), self._turns
        self._turns = turns
        stalled = self._stalled.look(now, so=turns is not None and turns == before)
        if stalled >= self._silence_seconds:
            return "stalled"
        waiting = self._signs.waiting()
        silent = self._progress.silent_seconds()
        # Nothing to do, or nobody to ask: reconnecting is Celery's work.
        if min(self._wanted.look(now, so=bool(waiting)), silent) >= self._silence_seconds:
            return "deaf"
        # Batches lost with the broker's memory are untaken too, until their leases lapse: only what
        # is given out anew and still not taken shows that this process listens in the wrong place.
        heard = silent < self._silence_seconds or waiting is None
        untaken = self._untaken.look(now, so=not heard and bool(self._signs.untaken()))
        if untaken >= self._lease_seconds + self._silence_seconds:
            return "untaken"
        return None

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            reason = self.look()
            if reason is not None and not self._stopped.is_set():
                log.error("deaf_process_ends", reason=reason, silent_seconds=self._silence_seconds)
                self._end(reason)
                return


def queue_length(redis: Redis, environment: str, queues: Sequence[str]) -> int | None:
    """Tasks that wait in these queues (celery_config.py names their keys); None where Redis does
    not answer."""
    try:
        return sum(redis.llen(f"{environment}:queue:{queue}") for queue in queues)
    except RedisError:
        return None


def end_process(drain: Callable[[], None], *, drain_seconds: float) -> None:
    """Take nothing more, finish what is in flight, hand back the rest, and end with DEAF.

    A consumer too deaf to hear the signal is drained from here; a drain that does not end is cut
    off.
    """
    last = threading.Timer(drain_seconds + _LAST_SECONDS, os._exit, args=(DEAF,))
    last.daemon = True
    last.start()
    os.kill(os.getpid(), signal.SIGTERM)
    drain()
    os._exit(DEAF)
