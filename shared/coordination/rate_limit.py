"""Moving-window limits in Redis, exact under parallel calls; a cap per process without Redis."""

import math
import threading
import time
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from redis import Redis
from redis.exceptions import RedisError

from shared.errors import TemporarilyUnavailable
from shared.observability.logging import get_logger

if TYPE_CHECKING:
    from limits.strategies import MovingWindowRateLimiter

log = get_logger(__name__)

_REST_SECONDS: Final = 2.0  # how long Redis is left alone after it failed


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a limit says about one call; `reset_seconds` until one more call is possible."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class RequestLimits:
    """Limits of one process's requests, shared through Redis by all processes.

    The shared window is a script of ours: the one of `limits` stamps calls with the caller's clock
    before they are in order, and asks Redis a second time for what is left.
    """

    def __init__(self, redis: Redis, environment: str) -> None:
        script = resources.files("shared.coordination").joinpath("moving_window.lua")
        self._redis = redis
        self._window = redis.register_script(script.read_text("utf-8"))
        self._prefix = f"{environment}:limits"
        self._lock = threading.Lock()
        self._own: MovingWindowRateLimiter | None = None
        self._rest_until = 0.0

    def hit(self, name: str, key: str, *, limit: int, seconds: int) -> Allowance:
        """Count one call; without Redis this process counts alone."""
        if time.monotonic() >= self._rest_until:
            try:
                return self._ask(name, key, limit, seconds)
            except RedisError as exc:
                self._rest_until = time.monotonic() + _REST_SECONDS
                log.warning("limits_without_redis", error=repr(exc))
        return self._hit_here(name, key, limit, seconds)

    def hit_strictly(self, name: str, key: str, *, limit: int, seconds: int) -> Allowance:
        """Count one call, in Redis or not at all.

        Raises:
            TemporarilyUnavailable: Redis is away.
        """
        try:
            return self._ask(name, key, limit, seconds)
        except RedisError as exc:
            raise _away() from exc

    def look_strictly(self, name: str, key: str, *, limit: int, seconds: int) -> Allowance:
        """Whether one more call would be allowed, without counting it.

        Raises:
            TemporarilyUnavailable: Redis is away.
        """
        try:
            return self._ask(name, key, limit, seconds, count=False)
        except RedisError as exc:
            raise _away() from exc

    def forget(self, name: str, key: str, *, seconds: int) -> None:
        """Start the window anew; without Redis nothing happens."""
        try:
            self._redis.delete(self._key(name, key, seconds))
        except RedisError as exc:
            log.warning("limit_not_cleared", limit=name, error=repr(exc))

    def _ask(
        self, name: str, key: str, limit: int, seconds: int, *, count: bool = True
    ) -> Allowance:
        passes, remaining, wait = self._window(
            keys=[self._key(name, key, seconds)], args=[limit, seconds * 1_000_000, int(count)]
        )
        return Allowance(bool(passes), limit, remaining, max(1, math.ceil(wait / 1_000_000)))

    def _hit_here(self, name: str, key: str, limit: int, seconds: int) -> Allowance:
        from limits import RateLimitItemPerSecond  # not needed while Redis answers
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        with self._lock:
            if self._own is None:
                self._own = MovingWindowRateLimiter(MemoryStorage())
        item = RateLimitItemPerSecond(limit, seconds)
        allowed = self._own.hit(item, name, key)
        stats = self._own.get_window_stats(item, name, key)
        wait = max(1, math.ceil(stats.reset_time - time.time()))
        return Allowance(allowed, limit, max(0, stats.remaining), wait)

    def _key(self, name: str, key: str, seconds: int) -> str:
        return f"{self._prefix}:{name}:{key}:{seconds}"


def _away() -> TemporarilyUnavailable:
    return TemporarilyUnavailable(
        "Não é possível entrar agora; tente de novo em instantes.",
        code="broker_unavailable",
        retry_after_seconds=3,
    )
