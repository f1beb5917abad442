"""Ends a process that is alive but deaf: its queue has work, and nothing of it is begun.

Judged by progress, not by pulse: a consumer that lost its broker without noticing still answers
pings. An idle process has an empty queue, a busy one has tasks running; neither is deaf. Whoever
supervises the process starts it again, and leases bring back what it held.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence

from redis import Redis
from redis.exceptions import RedisError

from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)

_LOOK_SECONDS = 2.0
_GRACE_SECONDS = 15.0  # from the request to end until the end that cannot be refused
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


class Watchdog:
    """One thread that looks at the queue every two seconds."""

    def __init__(
        self,
        progress: Progress,
        waiting: Callable[[], int | None],
        *,
        silence_seconds: float,
        end: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._waiting = waiting
        self._silence_seconds = silence_seconds
        self._end = end
        self._clock = clock
        self._wanted_since: float | None = None

    def start(self) -> None:
        """Watch until the process ends."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def look(self) -> bool:
        """Whether the process is deaf: work has waited, and none was begun, for too long."""
        if not self._waiting():  # nothing to do, or nobody to ask: reconnecting is Celery's work
            self._wanted_since = None
            return False
        now = self._clock()
        if self._wanted_since is None:
            self._wanted_since = now
        waited = min(now - self._wanted_since, self._progress.silent_seconds())
        return waited >= self._silence_seconds

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            if self.look():
                log.error("deaf_process_ends", silent_seconds=self._silence_seconds)
                metrics.record_watchdog()
                self._end()
                return


def queue_length(redis: Redis, environment: str, queues: Sequence[str]) -> int | None:
    """Tasks that wait in these queues (celery_config.py names their keys); None where Redis does
    not answer."""
    try:
        return sum(redis.llen(f"{environment}:queue:{queue}") for queue in queues)
    except RedisError:
        return None


def end_process() -> None:
    """Drain as for a stop; a process too deaf even for that is ended by force."""
    threading.Timer(_GRACE_SECONDS, os._exit, args=(DEAF,)).start()
    os.kill(os.getpid(), signal.SIGTERM)
