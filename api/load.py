"""How long a request would wait for the database now, from how fast the line before it moves."""

import threading
import time
from collections.abc import Callable
from typing import Final

_WINDOW_SECONDS: Final = 1.0


class Load:
    """Of one process; every request is a look at it.

    The pace is measured only while somebody waits all the time, so a burst is no overload and a
    long line that moves fast is none either.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began: tuple[float, int] | None = None  # of the window: when, how many were served
        self._per_second: float | None = None  # None: not known to be busy

    def expected_seconds(self, *, waiting: int, served: int) -> float:
        """Seconds until a connection is free for one more; 0 where nobody has waited for long.

        `served` counts those that have had theirs since the process began.
        """
        with self._lock:
            if waiting == 0:
                self._began = self._per_second = None
                return 0.0
            now = self._clock()
            if self._began is None:
                self._began = (now, served)
            since, before = self._began
            if now - since >= _WINDOW_SECONDS:
                self._per_second = (served - before) / (now - since)
                self._began = (now, served)
            if self._per_second is None:
                return 0.0
            return waiting / self._per_second if self._per_second else float("inf")
