"""Many short timers at the price of few: callbacks due in the same 5 ms share one loop timer."""

import asyncio
from collections.abc import Callable
from typing import Any

_TICKS_PER_SECOND = 200
_Due = tuple[Callable[..., object], tuple[Any, ...]]


class Timers:
    """`call_later` for tens of thousands of pending acks; order within a tick is kept."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buckets: dict[int, list[_Due]] = {}

    def later(self, seconds: float, do: Callable[..., object], *args: Any) -> None:
        """Call `do(*args)` after `seconds`, at most a tick late."""
        tick = int((self._loop.time() + seconds) * _TICKS_PER_SECOND) + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = []
            self._loop.call_at(tick / _TICKS_PER_SECOND, self._ring, tick)
        bucket.append((do, args))

    def _ring(self, tick: int) -> None:
        for do, args in self._buckets.pop(tick):
            do(*args)
