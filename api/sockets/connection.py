"""A WebSocket whose writes end: simple-websocket on a guarded socket.

simple-websocket (1.1) sends from two threads, ignores short writes and blocks without end on a slow
reader. The guard serialises writes, completes them and gives up after `stall_seconds`.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from simple_websocket import ConnectionClosed, Server  # type: ignore[import-untyped]

_LINGER_SECONDS: Final = 1.0
_BUDGET_SECONDS: Final = 10.0
_CHUNK: Final = 64 * 1024


class Stalled(OSError):
    """The client does not read; what was written last may be half a frame."""


class GuardedSocket:
    """What simple-websocket gets instead of the raw socket."""

    def __init__(self, raw: socket.socket, *, stall_seconds: float, read_budget: int) -> None:
        self._raw = raw
        self._gevent = type(raw).__module__.startswith("gevent")
        self._stall_seconds = stall_seconds
        self._read_budget = read_budget  # bytes in ten seconds
        self._read_bytes = 0
        self._read_since = time.monotonic()
        self._lock = threading.Lock()
        self._wake: threading.Event | None = None
        self.broken = False
        self.flooded = False
        self.ended = False

    def wake_on_end(self, wake: threading.Event) -> None:
        """Set `wake` once the reader has ended."""
        self._wake = wake
        if self.ended:
            wake.set()

    def send(self, content: bytes) -> int:
        """Write all of it.

        Raises:
            Stalled: not within `stall_seconds`.
        """
        deadline = time.monotonic() + self._stall_seconds
        if not self._lock.acquire(timeout=self._stall_seconds):
            raise Stalled("another write is stuck")
        try:
            self._send_all(memoryview(content), deadline)
        finally:
            self._lock.release()
        return len(content)

    def recv(self, size: int) -> bytes:
        """Read once; raises OSError when the client sends more than its budget."""
        received = self._raw.recv(size)
        now = time.monotonic()
        if now - self._read_since > _BUDGET_SECONDS:
            self._read_since, self._read_bytes = now, 0
        self._read_bytes += len(received)
        if self._read_bytes > self._read_budget:
            self.flooded = True
            raise OSError("too much input")
        return received

    def fileno(self) -> int:
        """The descriptor."""
        return self._raw.fileno()

    def close(self) -> None:
        """Called by the reader at its end; the server that accepted the socket closes it."""
        self.ended = True
        if self._wake is not None:
            self._wake.set()

    def shutdown(self, how: int) -> None:
        """End reading or writing, which wakes the reader."""
        with contextlib.suppress(OSError):
            self._raw.shutdown(how)

    def _send_all(self, view: memoryview, deadline: float) -> None:
        while view:
            if self.broken:
                raise Stalled("an earlier write stalled")
            view = view[self._send_some(view) :]
            if view and not self._writable(deadline - time.monotonic()):
                self.broken = True
                self.shutdown(socket.SHUT_RDWR)
                raise Stalled("the client does not read")

    def _send_some(self, view: memoryview) -> int:
        with contextlib.suppress(BlockingIOError):
            if not self._gevent:
                return self._raw.send(view, socket.MSG_DONTWAIT)
            self._raw.settimeout(0)  # a plain attribute of gevent's sockets; nothing switches here
            try:
                return self._raw.send(view)
            finally:
                self._raw.settimeout(None)
        return 0

    def _writable(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        poll = select.poll()
        poll.register(self._raw.fileno(), select.POLLOUT)
        return bool(poll.poll(seconds * 1000))


class Connection:
    """One accepted WebSocket, used by one thread; only `wake` may be called from others."""

    def __init__(self, websocket: Server, guard: GuardedSocket) -> None:
        self._websocket = websocket
        self._guard = guard
        self._event: threading.Event = websocket.event
        guard.wake_on_end(self._event)

    @property
    def ended(self) -> bool:
        """Whether the other side is gone."""
        return self._guard.ended or not self._websocket.connected

    @property
    def flooded(self) -> bool:
        """Whether it was ended for sending too much."""
        return self._guard.flooded

    @property
    def close_code(self) -> int:
        """The code the other side closed with."""
        return int(self._websocket.close_reason)

    def wait(self, seconds: float) -> None:
        """Until something arrives, `wake` is called or the time is over."""
        if self._event.wait(max(0.0, seconds)):
            self._event.clear()

    def wake(self) -> None:
        """End a `wait`, from any thread."""
        self._event.set()

    def received(self) -> list[str | bytes]:
        """Messages that arrived since the last call."""
        taken: list[Any] = []
        while self._websocket.input_buffer:
            taken.append(self._websocket.input_buffer.pop(0))
        return taken

    def write(self, frames: Sequence[bytes]) -> None:
        """Send whole frames, several in one call to the kernel.

        Raises:
            OSError: stalled or gone.
        """
        waiting: list[bytes] = []
        size = 0
        for frame in frames:
            waiting.append(frame)
            size += len(frame)
            if size >= _CHUNK:
                self._guard.send(b"".join(waiting))
                waiting, size = [], 0
        if waiting:
            self._guard.send(b"".join(waiting))

    def ping(self, frame: bytes) -> bool:
        """Ask for a sign of life; False if the last ping was not answered."""
        if not self._websocket.pong_received:
            return False
        self._websocket.pong_received = False
        self._guard.send(frame)
        return True

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, give the client a second to answer, end the reader."""
        with contextlib.suppress(ConnectionClosed, OSError):
            if not self._guard.broken:
                self._websocket.close(code, reason)
                self._guard.shutdown(socket.SHUT_WR)
                self._websocket.thread.join(_LINGER_SECONDS)
        self._guard.shutdown(socket.SHUT_RDWR)
        self._websocket.connected = False
        self._websocket.thread.join(_LINGER_SECONDS)
