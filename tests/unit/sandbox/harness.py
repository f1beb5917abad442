"""A sandbox, a webhook sink and a client, all on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from deploy.sandbox.server import running
from deploy.sandbox.tuning import Config, Tuning

KEY = "global-key"
PHONE = "5511987654321"
JID = f"{PHONE}@s.whatsapp.net"


@dataclass
class Received:
    """One webhook attempt as the sink saw it."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        loaded: dict[str, Any] = orjson.loads(self.raw)
        return loaded


@dataclass
class Lab:
    """What a test holds."""

    url: str
    sink_url: str
    http: aiohttp.ClientSession
    received: list[Received] = field(default_factory=list)
    sink_statuses: list[int] = field(default_factory=list)  # next answers; then 200

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = KEY, raw: bytes = b""
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["apikey"] = key
        payload = raw or (None if body is None else orjson.dumps(body))
        async with self.http.request(
            method, self.url + path, data=payload, headers=headers
        ) as response:
            content = await response.read()
            try:
                return response.status, orjson.loads(content)
            except orjson.JSONDecodeError:
                return response.status, content.decode()

    async def create(self, name: str = "vendas", **more: Any) -> dict[str, Any]:
        body = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", **more}
        status, created = await self.call("POST", "/instance/create", body)
        assert status == 201, created
        return dict(created)

    async def open(self, name: str = "vendas", *events: str, **webhook: Any) -> dict[str, Any]:
        hook = {"url": f"{self.sink_url}/hook", "events": list(events), **webhook}
        created = await self.create(name, webhook=hook)
        await self.control("PUT", f"/instances/{name}/state", {"state": "open"})
        return created

    async def text(self, text: str = "Oi", number: str = PHONE, **more: Any) -> tuple[int, Any]:
        body = {"number": number, "text": text, **more}
        return await self.call("POST", "/message/sendText/vendas", body)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.call(method, f"/sandbox{path}", body)
        assert status < 400, answer
        return answer

    async def fault(self, **do: Any) -> None:
        rule = {"match": {"route": "message/*"}, "do": do}
        await self.control("PUT", "/faults", [rule])

    async def ledger(self) -> list[dict[str, Any]]:
        return list(await self.control("GET", "/ledger"))

    def events(self, event: str) -> list[dict[str, Any]]:
        return [seen.body for seen in self.received if seen.body["event"] == event]

    def statuses(self) -> list[str]:
        return [seen["data"]["status"] for seen in self.events("messages.update")]

    async def until(self, condition: Callable[[], object], seconds: float = 3) -> None:
        deadline = monotonic() + seconds
        while not condition():
            assert monotonic() < deadline, [seen.body["event"] for seen in self.received]
            await asyncio.sleep(0.01)


@asynccontextmanager
async def lab(data_dir: Path | None = None, **tuning: Any) -> AsyncIterator[Lab]:
    """A running sandbox with quick timings and a sink for its webhooks."""
    knobs = {"ack_delay_ms": 20, "read_share": 1, "reply_share": 0, "connect_after_ms": 30}
    config = Config(api_key=KEY, data_dir=data_dir, seed=1)
    tune = Tuning(**{**knobs, "webhook_retry_ms": 10, "create_window_ms": 0, **tuning})
    async with (
        _sink() as (sink_url, received, statuses),
        running(config, tune) as (url, _),
        aiohttp.ClientSession() as http,
    ):
        yield Lab(url, sink_url, http, received, statuses)


@asynccontextmanager
async def _sink() -> AsyncIterator[tuple[str, list[Received], list[int]]]:
    received: list[Received] = []
    statuses: list[int] = []

    async def take(request: web.BaseRequest) -> web.Response:
        received.append(Received(request.path, dict(request.headers), await request.read()))
        return web.Response(status=statuses.pop(0) if statuses else 200)

    runner = web.ServerRunner(web.Server(take, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", received, statuses
    finally:
        await runner.cleanup()


def run(test: Callable[[Lab], Coroutine[Any, Any, None]], **tuning: Any) -> None:
    """Run one test body against a fresh lab."""

    async def main() -> None:
        async with lab(**tuning) as ready:
            await test(ready)

    asyncio.run(main())
