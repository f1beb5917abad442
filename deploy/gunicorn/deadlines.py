"""A bound on how long a client may take to send a request (30 s): gunicorn has none.

After that the reading half of the connection is shut, so a thread that waits for bytes gets an end
of input; answering (a long export) is not cut. A WebSocket is released when its upgrade arrives.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from gunicorn.workers.ggevent import GeventWorker
from gunicorn.workers.gthread import ThreadWorker

_REQUEST_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 1.0


class Deadlines:
    """Sockets being read, and until when."""

    def __init__(self, seconds: float = _REQUEST_SECONDS) -> None:
        self._seconds = seconds
        self._until: dict[int, tuple[float, socket.socket]] = {}
        self._started = False

    @contextlib.contextmanager
    def watch(self, sock: socket.socket) -> Iterator[None]:
        """Bound what happens inside the block, unless released."""
        self._start()
        key = id(sock)
        self._until[key] = (time.monotonic() + self._seconds, sock)
        try:
            yield
        finally:
            self._until.pop(key, None)

    def release(self, sock: socket.socket) -> None:
        """No more bound on this one."""
        self._until.pop(id(sock), None)

    def enforce(self) -> None:
        """Shut what is over time."""
        now = time.monotonic()
        for key, (until, sock) in list(self._until.items()):
            if now >= until:
                self._until.pop(key, None)
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)

    def _start(self) -> None:
        if not self._started:  # in the worker, so never before the fork
            self._started = True
            threading.Thread(target=self._run, name="request-deadlines", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            self.enforce()


def _is_upgrade(request: Any) -> bool:
    return any(name == "UPGRADE" for name, _ in request.headers)


class BoundedThreadWorker(ThreadWorker):  # type: ignore[misc]
    """gthread with a deadline per request."""

    deadlines = Deadlines()

    def handle(self, conn: Any) -> Any:
        """One request of a connection."""
        with self.deadlines.watch(conn.sock):
            return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The request's headers are read."""
        if _is_upgrade(req):
            self.deadlines.release(conn.sock)
        return super().handle_request(req, conn)


class BoundedGeventWorker(GeventWorker):  # type: ignore[misc]
    """gevent with a deadline per connection that is not a WebSocket."""

    deadlines = Deadlines()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """All requests of a connection."""
        with self.deadlines.watch(client):
            super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """The request's headers are read."""
        if _is_upgrade(req):
            self.deadlines.release(sock)
        return super().handle_request(listener_name, req, sock, addr)
