"""A provider that costs almost nothing: any POST is answered 201 with a fresh `key.id`.

A bare asyncio protocol, so that the provider is never what a figure measures.
"""

import asyncio
import itertools
import secrets
import signal
import sys

import uvloop

_ids = itertools.count(secrets.randbits(40) << 32)  # no other run's
_BODY = (
    b'{"key":{"remoteJid":"5511900000000@s.whatsapp.net","fromMe":true,"id":"3EB0%018X"},'
    b'"status":"PENDING"}'
)
_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_HEAD_END = b"\r\n\r\n"


class Provider(asyncio.Protocol):
    """Reads requests with a Content-Length, answers each after `latency` seconds."""

    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_HEAD_END)) >= 0:
            total = end + len(_HEAD_END) + _length(self._received[:end])
            if len(self._received) < total:
                return
            self._received = self._received[total:]
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        body = _BODY % next(_ids)
        if not self._transport.is_closing():
            self._transport.write(_HEAD % len(body) + body)  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def _serve(latency: float) -> None:
    Provider.latency = latency
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(Provider, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1])))
