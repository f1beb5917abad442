"""Sockets of other processes, for `/health`: asked of Redis in the background, never waited for
long."""

import threading
import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from shared.coordination.gateways import NO_SOCKETS, SocketStats
from shared.observability.logging import get_logger

log = get_logger(__name__)

_FRESH_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 0.25
_OLD_SECONDS: Final = 7.0  # then it says nothing any more


class SocketCensus:
    """The last answer, and at most one question under way."""

    def __init__(
        self,
        ask: Callable[[], SocketStats],
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._heard: SocketStats = dict(NO_SOCKETS)
        self._heard_at: float | None = None
        self._asked_at: float | None = None
        self._trusted = True  # Redis answered last time
        self._answered = threading.Event()

    def with_others(self, own: SocketStats) -> SocketStats:
        """`own` plus what the others said last."""
        answered = self._ask_if_due()
        if self._trusted:
            answered.wait(self._patience_seconds)
        others = self._others()
        return {name: own.get(name, 0) + others.get(name, 0) for name in NO_SOCKETS}

    def _others(self) -> SocketStats:
        heard_at = self._heard_at
        old = heard_at is None or self._clock() - heard_at > _OLD_SECONDS
        return NO_SOCKETS if old else self._heard

    def _ask_if_due(self) -> threading.Event:
        with self._lock:
            under_way = self._asked_at is not None and not self._answered.is_set()
            fresh = self._asked_at is not None and self._clock() - self._asked_at < _FRESH_SECONDS
            if not under_way and not fresh:
                self._asked_at = self._clock()
                self._answered = threading.Event()
                threading.Thread(
                    target=self._run, args=(self._answered,), name="socket-census", daemon=True
                ).start()
            return self._answered

    def _run(self, answered: threading.Event) -> None:
        try:
            self._heard = self._ask()
            self._heard_at = self._clock()
            self._trusted = True
        except RedisError as exc:
            self._trusted = False
            log.warning("other_sockets_not_counted", error=type(exc).__name__)
        finally:
            answered.set()
