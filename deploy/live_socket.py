"""One WebSocket to the gateway, for code that does not run in an event loop.

aiohttp rather than simple-websocket's client: that one connects without a deadline, and its
reading thread keeps the process alive after Ctrl-C.
"""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

import aiohttp

_CONNECT_SECONDS: Final = 10
_HEARTBEAT_SECONDS: Final = 20
_MAX_MESSAGE: Final = 4 * 1024 * 1024

T = TypeVar("T")


class SocketError(Exception):
    """The socket could not be opened, or is gone."""


class LiveSocket:
    """An open socket; leave it with `with`. Every method raises SocketError once it is gone."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._session: aiohttp.ClientSession | None = None
        try:
            self._socket = self._runner.run(self._open(url))
            self._reader = self._runner.run(self._start_reading())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self.__exit__()
            raise SocketError(str(error) or type(error).__name__) from error
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._session is not None:
            self._runner.run(self._session.close())
            self._session = None
        self._runner.close()

    def send(self, message: dict[str, Any]) -> None:
        self._run(self._socket.send_json(message))

    def receive(self, timeout_seconds: float) -> dict[str, Any] | None:
        """The next JSON object, or None when none came in time."""
        try:
            message = self._run(asyncio.wait_for(self._inbox.get(), timeout_seconds))
        except TimeoutError:
            return None
        if message is None:
            raise SocketError(f"closed by the server ({self._socket.close_code})")
        return message

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._runner.run(work)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise SocketError(str(error) or type(error).__name__) from error

    async def _open(self, url: str) -> aiohttp.ClientWebSocketResponse:
        self._session = aiohttp.ClientSession()
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await self._session.ws_connect(
                url, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_MAX_MESSAGE
            )

    async def _start_reading(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    message = json.loads(frame.data)
                    if isinstance(message, dict):
                        self._inbox.put_nowait(message)
        finally:
            self._inbox.put_nowait(None)
