"""Puts a campaign's events in the order of their numbers: each once, none skipped."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

Event = dict[str, Any]  # {seq, data, at}
_MOST_HELD: Final = 2000


class Sequencer:
    """The next number of one campaign, and the events that came too early.

    Numbers are given under a row lock, so what is missing below a number already seen is committed:
    the database can always fill a gap, and dropping what is held is safe.
    """

    __slots__ = ("_held", "expected", "waiting_since")

    def __init__(self, last_seq: int | None = None) -> None:
        self.expected: int | None = None if last_seq is None else last_seq + 1
        self.waiting_since: float | None = None
        self._held: dict[int, Event] = {}

    def push(self, events: Iterable[Event], now: float) -> list[Event]:
        """What may go out now, in order; the rest is kept until its turn."""
        for event in events:
            if self.expected is None or event["seq"] >= self.expected:
                self._held[event["seq"]] = event
        return self._release(now)

    def start(self, last_seq: int, now: float) -> list[Event]:
        """Begin after `last_seq`, if not begun yet."""
        if self.expected is None:
            self.expected = last_seq + 1
        return self._release(now)

    def start_with_held(self, now: float) -> list[Event]:
        """Begin with the earliest event that came."""
        if self._held:
            self.expected = min(self._held)
        return self._release(now)

    def fill(self, events: Sequence[Event], now: float) -> list[Event]:
        """Close a gap with what the database has; what it no longer has is passed over."""
        if events and self.expected is not None and events[0]["seq"] > self.expected:
            self.expected = events[0]["seq"]
        return self.push(events, now)

    def forget(self) -> None:
        """Start over: the next snapshot says where."""
        self.expected = None
        self.waiting_since = None
        self._held.clear()

    def _release(self, now: float) -> list[Event]:
        ready: list[Event] = []
        if self.expected is not None:
            while (event := self._held.pop(self.expected, None)) is not None:
                ready.append(event)
                self.expected += 1
            if self._held and min(self._held) < self.expected:
                self._held = {n: e for n, e in self._held.items() if n >= self.expected}
        if len(self._held) > _MOST_HELD:
            self._held = dict(sorted(self._held.items())[:1])  # the gap stays visible
        if not self._held:
            self.waiting_since = None
        elif ready or self.waiting_since is None:
            self.waiting_since = now
        return ready
