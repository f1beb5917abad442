"""A TCP proxy that misbehaves on command: between RapidFlow and Redis, PostgreSQL or Evolution."""

import asyncio
import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any

from deploy.local.ports import LOOPBACK, free_port

_CHUNK = 65_536
_SO_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset


class Mode(enum.Enum):
    """What happens to new connections and to the bytes of all of them."""

    PASS = "pass"
    FREEZE = "freeze"  # accepted, but no byte moves
    REFUSE = "refuse"  # nothing listens; those that are open are reset


class FaultProxy:
    """Listens on a port of its own, in a thread of its own; give `port` to the client.

    Methods may be called from any thread; they return when the change is in force.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target = target_port
        self._delay = 0.0
        self._cut: tuple[bytes, int] | None = None  # what the client says, how often it is cut
        self._cut_delivers = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._flowing = self._ask(self._event())
        self._ask(self._listen())

    def set(self, mode: Mode, *, delay_seconds: float = 0.0) -> None:
        """Change what the proxy does from now on."""
        self._delay = delay_seconds
        self._ask(self._change(mode))

    def cut_on(self, said: bytes, *, times: int = 1, delivers: bool = True) -> None:
        """Reset the client's connection when it says this; the server hears it, or does not."""
        self._cut_delivers = delivers
        self._cut = (said, times)

    @property
    def cuts_left(self) -> int:
        """How many of the ordered cuts have not happened yet."""
        return self._cut[1] if self._cut else 0

    def reset_all(self) -> None:
        """Reset every open connection; new ones are welcome."""
        self._ask(self._drop())

    def close(self) -> None:
        """End it with all connections."""
        self._ask(self._change(Mode.REFUSE))
        self._ask(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def _ask(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout=10)

    async def _event(self) -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _change(self, mode: Mode) -> None:
        if mode is Mode.FREEZE:
            self._flowing.clear()
        else:
            self._flowing.set()
        if mode is not Mode.REFUSE:
            await self._listen()
            return
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._drop()

    async def _drop(self) -> None:
        for writer in list(self._writers):
            _reset(writer)
        await asyncio.sleep(0)

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._writers.add(client)
        try:
            await self._flowing.wait()
            far_reader, far = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            _reset(client)
            self._writers.discard(client)
            return
        self._writers.add(far)
        pumps = [
            asyncio.create_task(self._pump(reader, far, client)),
            asyncio.create_task(self._pump(far_reader, client, None)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for writer in (client, far):
                self._writers.discard(writer)
                with contextlib.suppress(OSError):
                    writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: asyncio.StreamWriter | None,
    ) -> None:
        """Move bytes one way; `client` is who is cut off after saying what we wait for."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._flowing.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                if client is not None and self._is_cut(chunk):
                    _reset(client)  # before the server is told: its answer must not overtake this
                    if self._cut_delivers:
                        writer.write(chunk)
                        await writer.drain()
                    return
                writer.write(chunk)
                await writer.drain()

    def _is_cut(self, chunk: bytes) -> bool:
        if self._cut is None or self._cut[1] == 0 or self._cut[0] not in chunk:
            return False
        self._cut = (self._cut[0], self._cut[1] - 1)
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SO_LINGER)
    writer.transport.abort()
