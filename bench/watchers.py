"""Thousands of WebSocket clients in one process that cost almost nothing: what they hear, and when.

Reads one JSON line `{host, port, sockets: [[ticket, campaign], …]}` from standard input and opens a
socket for each pair, subscribed to its campaign; says `ready`; once its input ends it prints one
JSON line with what arrived, and over how many seconds. Delays are from the instant in an event
(when its transaction began, which is before its commit) until its frame was read.
"""

import asyncio
import base64
import math
import os
import resource
import sys
import time
from datetime import datetime
from typing import Any

import orjson
import uvloop

_AT_ONCE = 50
_PATIENCE_SECONDS = 60.0
_TEXT = 0x81
_PING, _CLOSE = 0x89, 0x88


class Watcher(asyncio.Protocol):
    """One socket: handshake, subscription, then every frame that comes."""

    def __init__(self, heard: "Heard", ticket: str, campaign: str) -> None:
        self._heard = heard
        self._ticket = ticket
        self._campaign = campaign
        self._received = b""
        self._upgraded = False
        self._last = -1
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws?ticket={self._ticket} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._heard.closed += 1
        if not self.subscribed.done():
            self.subscribed.set_exception(ConnectionError("closed before it was subscribed"))

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._received += data
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._upgraded, self._received = True, rest
        at = 0
        while (frame := _frame(self._received, at)) is not None:
            kind, begin, at = frame
            self._take(kind, self._received[begin:at], now)
        self._received = self._received[at:]

    def _take(self, kind: int, payload: bytes, now: float) -> None:
        if kind == _PING:
            self._transport.write(_masked(0x8A, payload))
        elif kind == _TEXT:
            self._hear(orjson.loads(payload), now)

    def _hear(self, message: dict[str, Any], now: float) -> None:
        if message["type"] == "authenticated":
            asked = orjson.dumps({"type": "subscribe_campaign", "campaignId": self._campaign})
            self._transport.write(_masked(_TEXT, asked))
        elif message["type"] == "subscribed":
            self._last = message["seq"]
            self.subscribed.set_result(None)
        elif message["type"] == "campaign_update":
            self._heard.gaps += message["prevSeq"] != self._last
            self._last = message["seq"]
            sent_at = datetime.fromisoformat(message["timestamp"]).timestamp()
            self._heard.hear(message["data"]["event"], sent_at, now)
        else:
            self._heard.other += 1


class Heard:
    """What all sockets of this process heard."""

    def __init__(self) -> None:
        self.delays: dict[str, list[float]] = {}
        self.first_at, self.last_at = math.inf, 0.0
        self.gaps = self.closed = self.other = 0

    def hear(self, event: str, sent_at: float, now: float) -> None:
        """An event of `sent_at`, read `now`; both in unix seconds."""
        self.delays.setdefault(event, []).append(now - sent_at)
        if event == "message_sent":
            self.first_at, self.last_at = min(self.first_at, sent_at), max(self.last_at, sent_at)


def _frame(received: bytes, at: int) -> tuple[int, int, int] | None:
    """(first byte, begin and end of the payload) of the frame at `at`, once it is whole."""
    if len(received) < at + 2:
        return None
    size, begin = received[at + 1], at + 2
    if size >= 126:
        wide = 2 if size == 126 else 8
        size, begin = int.from_bytes(received[begin : begin + wide], "big"), begin + wide
    end = begin + size
    return (received[at], begin, end) if len(received) >= end else None


def _masked(kind: int, payload: bytes) -> bytes:
    """A client's frame of less than 126 bytes; the mask is zero."""
    return bytes((kind, 0x80 | len(payload))) + b"\0\0\0\0" + payload


async def _watch(asked: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    heard = Heard()
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(ticket: str, campaign: str) -> None:
        async with turns:
            _, watcher = await loop.create_connection(
                lambda: Watcher(heard, ticket, campaign), asked["host"], asked["port"]
            )
            await asyncio.wait_for(watcher.subscribed, _PATIENCE_SECONDS)

    await asyncio.gather(*(one(*pair) for pair in asked["sockets"]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    return {
        "delays": heard.delays,
        "seconds": heard.last_at - heard.first_at,
        "gaps": heard.gaps,
        "closed": heard.closed,
        "other": heard.other,
    }


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    result = uvloop.run(_watch(orjson.loads(sys.stdin.readline())))
    sys.stdout.write(orjson.dumps(result).decode() + "\n")
