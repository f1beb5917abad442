"""Webhooks out (evolution-api.md section 7).

Per event and independent: one body and one token made once, ten attempts, pauses doubling from
the configured first one up to 300 s with 20 % jitter, no retry on 400/401/403/404/422. Nothing is
persisted. A fixed set of senders shares one session; past MAX_PENDING new events are dropped
and counted, so a dead sink costs bounded memory.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import jwt
import orjson

from deploy.sandbox.instances import Instance, Webhook, now_iso
from deploy.sandbox.tuning import Tuning

MAX_ATTEMPTS = 10
MAX_PAUSE_SECONDS = 300.0
JITTER = 0.2
FINAL_STATUSES = frozenset((400, 401, 403, 404, 422))
MAX_PENDING = 100_000
SENDERS = 32
TIMEOUT_SECONDS = 30.0
TOKEN_SECONDS = 600


@dataclass(slots=True)
class Delivery:
    """One event on its way; every attempt repeats the same bytes."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    attempts: int = 0


class Webhooks:
    """The queue toward the sinks."""

    def __init__(self, tuning: Tuning, dice: random.Random) -> None:
        self._tuning = tuning
        self._dice = dice
        self._queue: deque[Delivery] = deque()
        self._ready = asyncio.Event()
        self._senders: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self.server_url = ""
        self.pending = 0
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """Open the shared session and the senders."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=SENDERS),
            skip_auto_headers=("User-Agent",),
        )
        self._senders = [asyncio.create_task(self._send_forever()) for _ in range(SENDERS)]

    async def close(self) -> None:
        """Drop what is pending and release the session."""
        self._closed = True
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def emit(self, instance: Instance, event: str, data: object) -> None:
        """Queue one event (`SEND_MESSAGE`) if the instance subscribes to it."""
        webhook = instance.webhook
        if webhook is None or not webhook.enabled or self._closed:
            return
        if webhook.events and event not in webhook.events:
            return
        if not webhook.url.startswith("http"):
            return  # accepted by webhook/set, silently never called
        if self.pending >= MAX_PENDING:
            self.counts["dropped"] += 1
            return
        self.pending += 1
        self.counts["events"] += 1
        self._put(self._delivery(instance, webhook, event, data))

    def _delivery(self, instance: Instance, webhook: Webhook, event: str, data: object) -> Delivery:
        envelope = {
            "event": event.lower().replace("_", "."),
            "instance": instance.name,
            "data": data,
            "destination": webhook.url,
            "date_time": now_iso(),
            "sender": instance.owner_jid,
            "server_url": self.server_url,
            "apikey": instance.token,
        }
        if instance.owner_jid is None:
            del envelope["sender"]
        url = webhook.url
        if webhook.by_events:
            url = f"{url.rstrip('/')}/{event.lower().replace('_', '-')}"
        return Delivery(url, orjson.dumps(envelope), _headers(webhook.headers))

    def _put(self, delivery: Delivery) -> None:
        if not self._closed:
            self._queue.append(delivery)
            self._ready.set()

    async def _send_forever(self) -> None:
        while True:
            while not self._queue:
                self._ready.clear()
                await self._ready.wait()
            delivery = self._queue.popleft()
            try:
                status = await self._attempt(delivery)
            except ValueError:  # an address nobody can call
                status = HTTPStatus.BAD_REQUEST
            self._settle(delivery, status)

    async def _attempt(self, delivery: Delivery) -> int:
        """The sink's status, 0 when it gave none."""
        assert self._session is not None  # noqa: S101 - start() opened it
        delivery.attempts += 1
        self.counts["attempts"] += 1
        try:
            async with self._session.post(
                delivery.url,
                data=delivery.body,
                headers=delivery.headers,
            ) as response:
                await response.read()
                return response.status
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            return HTTPStatus.BAD_REQUEST
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0

    def _settle(self, delivery: Delivery, status: int) -> None:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            self.counts["delivered"] += 1
        elif status in FINAL_STATUSES or delivery.attempts >= MAX_ATTEMPTS:
            self.counts["given_up"] += 1
        else:
            pause = min(
                self._tuning.webhook_retry_ms / 1000 * 2 ** (delivery.attempts - 1),
                MAX_PAUSE_SECONDS,
            )
            pause *= 1 + self._dice.uniform(-JITTER, JITTER)
            asyncio.get_running_loop().call_later(pause, self._put, delivery)
            return
        self.pending -= 1


def _headers(custom: Mapping[str, object] | None) -> dict[str, str]:
    """Custom headers; `jwt_key` becomes a bearer token valid for ten minutes."""
    headers = {"Content-Type": "application/json", "User-Agent": "axios/1.7.9"}
    for name, value in (custom or {}).items():
        if name != "jwt_key":
            headers[name] = str(value)
            continue
        issued_at = int(time.time())
        claims = {
            "iat": issued_at,
            "exp": issued_at + TOKEN_SECONDS,
            "app": "evolution",
            "action": "webhook",
        }
        headers["Authorization"] = f"Bearer {jwt.encode(claims, str(value), algorithm='HS256')}"
    return headers
