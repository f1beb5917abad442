"""Counters: what arrived, how fast, how many at once."""

from collections import Counter, deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Any


@dataclass(slots=True)
class Window:
    """The most arrivals in any stretch of `seconds` (sliding, not calendar)."""

    seconds: float
    peak: int = 0
    _arrivals: deque[float] = field(default_factory=deque)

    def add(self, now: float) -> None:
        """One arrival."""
        arrivals = self._arrivals
        arrivals.append(now)
        while now - arrivals[0] >= self.seconds:
            arrivals.popleft()
        if len(arrivals) > self.peak:
            self.peak = len(arrivals)


@dataclass(slots=True)
class Load:
    """Send requests of one instance (or of all)."""

    requests: int = 0
    sent: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    second: Window = field(default_factory=lambda: Window(1.0))
    minute: Window = field(default_factory=lambda: Window(60.0))

    def enter(self, now: float) -> None:
        """A send request arrived."""
        self.requests += 1
        self.in_flight += 1
        if self.in_flight > self.max_in_flight:
            self.max_in_flight = self.in_flight
        self.second.add(now)
        self.minute.add(now)

    def as_json(self) -> dict[str, int]:
        """`{sent, send_requests, in_flight, max_in_flight, max_in_any_second, …minute}`."""
        return {
            "sent": self.sent,
            "send_requests": self.requests,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "max_in_any_second": self.second.peak,
            "max_in_any_minute": self.minute.peak,
        }


class Stats:
    """Totals since the start or the last reset."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.total = Load()
        self.instances: dict[str, Load] = {}

    def enter(self, instance: str) -> tuple[Load, Load]:
        """A send request arrived; give the result to `leave`."""
        load = self.instances.get(instance)
        if load is None:
            load = self.instances[instance] = Load()
        now = monotonic()
        load.enter(now)
        self.total.enter(now)
        return load, self.total

    @staticmethod
    def leave(loads: tuple[Load, Load]) -> None:
        """Its handler ended."""
        for load in loads:
            load.in_flight -= 1

    def sent(self, instance: str) -> None:
        """One message handed over."""
        self.total.sent += 1
        if load := self.instances.get(instance):
            load.sent += 1

    def as_json(self) -> dict[str, Any]:
        """Totals, `instances` by name, `requests` by route, `answers` by status."""
        return {
            **self.total.as_json(),
            "instances": {name: load.as_json() for name, load in self.instances.items()},
            "requests": dict(self.requests),
            "answers": {str(status): count for status, count in self.answers.items()},
        }
