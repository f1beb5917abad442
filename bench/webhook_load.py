"""Evolution telling of receipts: posts what a file lists over some connections, one at a time each.

A line of the file is `[path, instance, key id, jid, status]`; what is not answered 200 is sent
again a little later, as Evolution does. Prints `{"began", "ended", "accepted", "repeated"}`, the
first two on the machine's monotonic clock.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jwt
import orjson
import uvloop

_AGAIN_SECONDS = 0.2
_MOST_REPEATS = 10_000
_STORED, _REFUSED = 200, frozenset({400, 401, 403, 404, 422})  # after these Evolution stops


def requests(lines: bytes, host: str, secret: str) -> Iterator[bytes]:
    """Whole HTTP requests: the token is signed as Evolution signs it, once for all of them."""
    now = int(time.time())
    claims = {"iat": now, "exp": now + 600, "app": "evolution", "action": "webhook"}
    token = jwt.encode(claims, secret, algorithm="HS256")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for line in lines.splitlines():
        path, instance, key_id, jid, status = orjson.loads(line)
        receipt = {
            "keyId": key_id,
            "remoteJid": jid,
            "fromMe": True,
            "participant": None,
            "status": status,
            "instanceId": "6f1b2f5e-9c55-4b7e-8f0e-0d6f5c1a2b3c",
            "messageId": "cm4x1v9sx0001q1l2m3n4o5p6",
        }
        body = orjson.dumps(
            {
                "event": "messages.update",
                "instance": instance,
                "data": receipt,
                "destination": f"http://{host}{path}",
                "date_time": at,
                "sender": "5511900000000@s.whatsapp.net",
                "server_url": "http://localhost:8080",
                "apikey": None,
            }
        )
        yield (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: axios/1.7.9\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


class Sender:
    """The requests that are left, and what became of the others."""

    def __init__(self, address: tuple[str, int], left: deque[bytes]) -> None:
        self._address = address
        self._left = left
        self.accepted = 0
        self.repeated = 0

    async def run(self) -> None:
        """One connection, opened again whenever it ends."""
        while self._left:
            request = self._left.popleft()
            try:
                reader, writer = await asyncio.open_connection(*self._address)
            except OSError:
                await self._again(request)
                continue
            try:
                while True:
                    status = await _status(reader, writer, request)
                    if status == _STORED:
                        self.accepted += 1
                    elif status in _REFUSED:
                        raise RuntimeError(f"refused with {status}")
                    else:
                        await self._again(request)
                    if not self._left:
                        return
                    request = self._left.popleft()
            except (OSError, asyncio.IncompleteReadError):
                await self._again(request)
            finally:
                writer.close()

    async def _again(self, request: bytes) -> None:
        self.repeated += 1
        if self.repeated > _MOST_REPEATS:
            raise RuntimeError("nobody answers")
        self._left.append(request)
        await asyncio.sleep(_AGAIN_SECONDS)


async def _status(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return int(head.split(b" ", 2)[1])


async def _send_all(file: Path, host: str, port: int, secret: str, connections: int) -> None:
    left = deque(requests(file.read_bytes(), f"{host}:{port}", secret))
    sender = Sender((host, port), left)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(sender.run())
    answer = {
        "began": began,
        "ended": time.monotonic(),
        "accepted": sender.accepted,
        "repeated": sender.repeated,
    }
    sys.stdout.write(orjson.dumps(answer).decode() + "\n")


if __name__ == "__main__":
    _, name, host, port, secret, connections = sys.argv
    uvloop.run(_send_all(Path(name), host, int(port), secret, int(connections)))
