"""A TCP relay before the server: WebSockets through it can be cut, everything else goes on."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Final

_CHUNK: Final = 65536


class Relay:
    """Listens on a free port of loopback and passes bytes on to the port `target`."""

    def __init__(self) -> None:
        self.target = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @contextlib.contextmanager
    def without_sockets(self) -> Iterator[None]:
        """Every WebSocket ends without a word, and none opens until the block is left."""
        self._cut.set()
        with self._lock:
            open_now, self._sockets = self._sockets, set()
        for connection in open_now:
            _close(connection)
        try:
            yield
        finally:
            self._cut.clear()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            first = client.recv(_CHUNK)
            is_socket = first.startswith(b"GET /ws")
            if is_socket and self._cut.is_set():
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                if is_socket:
                    with self._lock:
                        self._sockets.add(client)
                server.sendall(first)
                back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                back.start()
                _pass_on(client, server)
                back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    _close(sink)


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
