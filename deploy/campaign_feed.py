"""What happens to one campaign, as it happens: events from the socket, metrics from REST.

Counts are only ever taken whole (a `progress` event or the metrics), never added up from single
messages, so an event lost, late or replayed shows nothing wrong. Whether a campaign is over is
asked of the metrics: the rows are the truth.
"""

import random
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from deploy.api_client import ApiClient, ApiError, UnreachableError
from deploy.live_socket import LiveSocket, SocketError


@dataclass(frozen=True, slots=True)
class Update:
    """`metrics`: the REST object; `event`: `data` of a campaign_update; `trouble`: {reason}."""

    kind: Literal["metrics", "event", "trouble"]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FeedTiming:
    """How often to ask, in seconds. 60 requests a minute are allowed; this stays under 25."""

    poll: float = 3.0  # between two looks at the metrics, when there is a reason for one
    refresh: float = 10.0  # a look even without one: speed and waiting reason change silently
    first_retry: float = 0.5
    longest_retry: float = 30.0
    give_up: float = 300.0  # without one answer from the server


_NO_HURRY: Final = frozenset({"message_sent", "message_error", "message_in_doubt"})


@dataclass(slots=True)
class CampaignFeed:
    """Endless updates of one campaign; the reader stops when it has seen enough."""

    client: ApiClient
    campaign_id: str
    timing: FeedTiming = FeedTiming()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    jitter: Callable[[], float] = random.random
    _last_seq: int | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _next_poll: float = field(default=0.0, init=False)
    _answered_at: float = field(default=0.0, init=False)

    def updates(self) -> Generator[Update, None, None]:
        """Raises ApiError when the server refuses, UnreachableError when it stays away."""
        self._answered_at = self.clock()
        first = self.client.metrics(self.campaign_id)
        self.campaign_id = str(first.get("campaign_id") or self.campaign_id)
        self._polled()
        yield Update("metrics", first)
        while True:
            try:
                with LiveSocket(self.client.socket_url()) as socket:
                    yield from self._live(socket)
            except (SocketError, ApiError):
                self._failures += 1
            yield from self._poll_for(self._pause())

    def _pause(self) -> float:
        """Backoff with jitter: 0.5, 1, 2, … 30 seconds, less up to a half."""
        longest = self.timing.first_retry * 2.0 ** min(self._failures - 1, 10)
        return min(longest, self.timing.longest_retry) * (1 - self.jitter() / 2)

    def _poll_for(self, seconds: float) -> Iterator[Update]:
        """Stand in for the socket until it is tried again."""
        until = self.clock() + seconds
        while True:
            if self.clock() >= self._next_poll:
                yield self._look()
            left = until - self.clock()
            if left <= 0:
                return
            self.sleep(min(left, max(self._next_poll - self.clock(), 0.05)))

    def _live(self, socket: LiveSocket) -> Iterator[Update]:
        stale = False
        while True:
            wanted_at = self._next_poll
            if not stale:
                wanted_at += self.timing.refresh - self.timing.poll
            wait = wanted_at - self.clock()
            message = socket.receive(wait) if wait > 0 else None
            if message is None:
                yield self._look()
                stale = False
                continue
            for update in self._understand(socket, message):
                yield update
                stale = stale or (update.kind == "event" and update.body["event"] != "progress")
                if update.kind == "event" and self._is_urgent(update.body["event"]):
                    yield self._look()

    @staticmethod
    def _is_urgent(event: str) -> bool:
        """The campaign itself changed (started, completed, paused, …): look at once."""
        return event not in _NO_HURRY and event != "progress"

    def _understand(self, socket: LiveSocket, message: dict[str, Any]) -> Iterator[Update]:
        kind = message.get("type")
        if kind == "authenticated":
            self._subscribe(socket)
        elif kind == "error":
            self._refused(str(message.get("message") or message.get("code") or "refused"))
        elif message.get("campaignId") == self.campaign_id:
            self._failures = 0
            yield from self._news(message)

    def _subscribe(self, socket: LiveSocket) -> None:
        if self._last_seq is None:
            socket.send({"type": "subscribe_campaign", "campaignId": self.campaign_id})
        else:
            socket.send(
                {"type": "resume", "campaignId": self.campaign_id, "afterSeq": self._last_seq}
            )

    def _refused(self, why: str) -> None:
        self._last_seq = None  # begin anew next time
        raise SocketError(why)

    def _news(self, message: dict[str, Any]) -> Iterator[Update]:
        seq, metrics, event = message.get("seq"), message.get("metrics"), message.get("data")
        if isinstance(metrics, dict):  # a snapshot: whatever was before it is in it
            self._last_seq = seq if isinstance(seq, int) else self._last_seq
            yield Update("metrics", metrics)
        elif isinstance(event, dict) and isinstance(event.get("event"), str):
            if isinstance(seq, int):
                if self._last_seq is not None and seq <= self._last_seq:
                    return
                self._last_seq = seq
            yield Update("event", event)

    def _look(self) -> Update:
        try:
            metrics = self.client.metrics(self.campaign_id, attempts=1)
        except UnreachableError as error:
            if self.clock() - self._answered_at > self.timing.give_up:
                raise
            self._polled(error.retry_after_seconds)
            limited = error.status == 429
            return Update("trouble", {"reason": "rate limited" if limited else "no connection"})
        self._answered_at = self.clock()
        self._polled()
        return Update("metrics", metrics)

    def _polled(self, wait_seconds: float | None = None) -> None:
        self._next_poll = self.clock() + max(wait_seconds or 0.0, self.timing.poll)
