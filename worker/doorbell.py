"""Ring for dispatch, at most once per few milliseconds and never on the caller's time."""

import threading
from collections.abc import Callable

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)

_GATHER_SECONDS = 0.005


class Doorbell:
    """Rings that come close together become one; a lost ring is made up for by the next tick."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._rung = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Ask for a dispatch soon."""
        self._rung.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._rung.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            self._rung.wait()
            if self._closed:
                return
            threading.Event().wait(_GATHER_SECONDS)
            self._rung.clear()
            try:
                self._send()
            except (OperationalError, RedisError, OSError) as exc:
                metrics.record_doorbell_failure()
                log.warning("doorbell_lost", error=repr(exc))
