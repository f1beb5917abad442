"""One socket: its queue, and the thread that writes to it, reads from it and watches its clock.

That thread is the only writer, so a snapshot it reads is in order with what is queued: whatever it
finds queued with a number the snapshot holds already is dropped.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from api.sockets.connection import Connection, Stalled
from api.sockets.frames import PING, CampaignKey, Receipts, Slot, Update, json_frame
from shared.coordination.tickets import TicketIdentity
from shared.observability.logging import get_logger
from shared.settings import GatewaySettings

log = get_logger(__name__)

GOING_AWAY: Final = 1012
POLICY: Final = 1008
TOO_BIG: Final = 1009
TRY_LATER: Final = 1013
UNAUTHENTICATED: Final = 4401

_RATE_SECONDS: Final = 10.0


class Conversation(Protocol):
    """What answers a client's messages (protocol.py)."""

    def open(self, client: "Client", ticket: str) -> None:
        """Authenticate by the ticket in the URL."""

    def answer(self, client: "Client", message: str | bytes) -> None:
        """Handle one message."""

    def resync(self, client: "Client", key: CampaignKey) -> None:
        """Send a snapshot in place of lost events."""


class Client:
    """State of one WebSocket. Other threads may call `offer`, `resync` and `end` only."""

    def __init__(self, connection: Connection, limits: GatewaySettings) -> None:
        self._connection = connection
        self._limits = limits
        self._lock = threading.Lock()
        self._queue: deque[Update | Receipts | CampaignKey] = deque()
        self._newest: dict[Slot, Update | Receipts] = {}
        self._merged = 0
        self._grace = 0
        self._ending: tuple[int, str] | None = None
        self._opened_at = time.monotonic()
        self._pinged_at = self._opened_at
        self._arrivals: deque[float] = deque(maxlen=limits.messages_per_10_seconds)
        self.identity: TicketIdentity | None = None
        self.sent: dict[CampaignKey, int] = {}
        self.campaigns: set[CampaignKey] = set()
        self.follows = False
        self.errors = 0
        self.end_reason = "client"

    # --- from other threads

    def offer(self, updates: Sequence[Update | Receipts], *, burst: bool = False) -> None:
        """Queue updates; a socket that lets too many pile up is ended. `burst`: a filled gap."""
        with self._lock:
            if self._ending is not None:
                return
            for update in updates:
                self._append(update)
            if burst:
                self._grace += len(updates)
            if self._merged > self._limits.queue_events:
                self._forget_merged()
            waiting = len(self._queue) - self._merged
            if waiting > self._limits.queue_events + self._grace:
                self._end_locked(TRY_LATER, "slow")
        self._connection.wake()

    def resync(self, key: CampaignKey) -> None:
        """Send a snapshot of this campaign: events were lost."""
        with self._lock:
            self._queue.append(key)
        self._connection.wake()

    def end(self, code: int, reason: str) -> None:
        """Close the socket with `code`; what is queued is dropped."""
        with self._lock:
            self._end_locked(code, reason)
        self._connection.wake()

    # --- its own thread

    def serve(self, conversation: Conversation, *, ticket: str | None = None) -> None:
        """Work until either side ends it; then `say_goodbye` is due."""
        try:
            if ticket is not None:
                conversation.open(self, ticket)
            while self._ending is None and not self._connection.ended:
                self._connection.wait(self._patience())
                self._flush(conversation)
                self._listen(conversation)
                self._look_at_clock()
        except Stalled:
            self.end(TRY_LATER, "slow")
        except OSError:
            pass  # the other side is gone

    def send(self, *messages: dict[str, object]) -> None:
        """Write at once."""
        self._connection.write([json_frame(message) for message in messages])

    def send_updates(self, updates: list[Update]) -> None:
        """Write at once, with the numbers this socket had last."""
        self._connection.write([self._frame(update) for update in updates])

    def wants(self, update: Update | Receipts) -> bool:
        """Whether this socket is (still) subscribed to it and has not had it."""
        if isinstance(update, Update) and update.seq <= self.sent.get(update.key, -1):
            return False
        return update.key in self.campaigns or (
            self.follows and self.identity is not None and self.identity.user_id == update.user_id
        )

    def _append(self, update: Update | Receipts) -> None:
        if update.slot is not None:
            if update.slot in self._newest:
                self._merged += 1
            self._newest[update.slot] = update
        self._queue.append(update)

    def _is_merged(self, item: Update | Receipts | CampaignKey) -> bool:
        return (
            isinstance(item, Update | Receipts)
            and item.slot is not None
            and self._newest.get(item.slot) is not item
        )

    def _forget_merged(self) -> None:
        self._queue = deque(item for item in self._queue if not self._is_merged(item))
        self._merged = 0

    def _end_locked(self, code: int, reason: str) -> None:
        if self._ending is None:
            self._ending = (code, reason)
            self._queue.clear()

    def _take(self) -> list[Update | Receipts | CampaignKey]:
        with self._lock:
            if not self._queue:
                return []
            taken = [item for item in self._queue if not self._is_merged(item)]
            self._queue.clear()
            self._newest.clear()
            self._merged = self._grace = 0
            return taken

    def _flush(self, conversation: Conversation) -> None:
        for _ in range(64):  # then it is the client's turn
            items = self._take()
            if not items:
                return
            frames: list[bytes] = []
            for item in items:
                if isinstance(item, Update | Receipts):
                    if self.wants(item):
                        frames.append(self._frame(item))
                    continue
                self._connection.write(frames)
                frames = []
                conversation.resync(self, item)
            self._connection.write(frames)

    def _frame(self, update: Update | Receipts) -> bytes:
        if isinstance(update, Receipts):
            return update.frame()
        previous = self.sent.get(update.key, update.seq - 1)
        self.sent[update.key] = update.seq
        masked = self.identity is None or self.identity.role == "viewer"
        return update.frame(previous, masked=masked)

    def _listen(self, conversation: Conversation) -> None:
        for message in self._connection.received():
            if self._ending is not None:
                return
            if len(message if isinstance(message, bytes) else message.encode()) > (
                self._limits.message_bytes
            ):
                self.end(TOO_BIG, "too_big")
                return
            conversation.answer(self, message)

    def may_speak(self) -> bool:
        """Count a message; False if it is one too many in ten seconds."""
        now = time.monotonic()
        arrivals = self._arrivals
        full = len(arrivals) == arrivals.maxlen and now - arrivals[0] < _RATE_SECONDS
        if not full:
            arrivals.append(now)
        return not full

    def _patience(self) -> float:
        now = time.monotonic()
        until = self._pinged_at + self._limits.ping_seconds
        if self.identity is None:
            until = min(until, self._opened_at + self._limits.auth_seconds)
        return until - now

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        if self.identity is None and now - self._opened_at >= self._limits.auth_seconds:
            self.end(UNAUTHENTICATED, "auth")
        elif now - self._pinged_at >= self._limits.ping_seconds:
            self._pinged_at = now
            if not self._connection.ping(PING):
                self.end(POLICY, "silent")

    def say_goodbye(self) -> None:
        """Close the connection, with the reason if it was ours."""
        if self._ending is None:
            if self._connection.flooded:
                self._ending = (POLICY, "flood")
            elif self._connection.close_code == TOO_BIG:
                self._ending = (TOO_BIG, "too_big")
        if self._ending is None:
            self._connection.close(1000, "")
            return
        code, self.end_reason = self._ending
        self._connection.close(code, self.end_reason)
