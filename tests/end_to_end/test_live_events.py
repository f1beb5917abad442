"""Live events across two gateways: what a client hears in all, whatever dies under it."""

import asyncio
import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from deploy.local.ports import free_port
from deploy.local.valkey import Valkey
from shared.settings import Settings
from tests.end_to_end.stack import Stack, sending_stack
from tests.sandbox_process import Sandbox

CONTACTS = 160


def answers(ask: Callable[[], object]) -> bool:
    """Whether a server is there."""
    try:
        ask()
    except (RedisError, httpx.HTTPError):
        return False
    return True


class OwnValkey:
    """A Valkey of this test's own, which may be killed and loses all it held."""

    def __init__(self, home: Path) -> None:
        self._valkey = Valkey(home, free_port(), "p" * 24, {"appendonly": "no", "save": ""})
        self._valkey.prepare()
        self.url = self._valkey.url
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._valkey.command(parent=os.getpid()), stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + 10
        with Redis.from_url(self.url) as redis:
            while not answers(redis.ping):
                assert time.monotonic() < until, "Valkey did not start"
                time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    made = OwnValkey(tmp_path / "valkey")
    yield made
    made.kill()


@dataclass
class Gateways:
    """Two gateways of a running stack."""

    stack: Stack
    ports: list[int]

    def name(self, at: int) -> str:
        return f"gateway-{at}"

    def start(self, at: int) -> None:
        self.stack.start(self.name(at), "gateway", PORT=str(self.ports[at]))
        until = time.monotonic() + 30
        while not answers(lambda: httpx.get(f"http://127.0.0.1:{self.ports[at]}/health")):
            assert time.monotonic() < until, self.stack.tail()
            time.sleep(0.1)

    def kill(self, at: int) -> None:
        self.stack.kill(self.name(at))


@pytest.fixture
def gateways(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path, valkey: OwnValkey
) -> Iterator[Gateways]:
    settings = settings_for(redis_url=valkey.url)
    with sending_stack(settings, sandbox, tmp_path / "output") as running:
        made = Gateways(running, [free_port(), free_port()])
        made.start(0)
        made.start(1)
        yield made


@dataclass
class Follower:
    """A client as the docs describe it: it comes back with backoff, on the other gateway, and
    resumes after the last number it has."""

    gateways: Gateways
    campaign_id: str
    events: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    last: int = 0
    at: int = 0
    connections: int = 0

    async def follow(self, happening: Callable[["Follower", Any], bool]) -> None:
        """Until the campaign is complete; `happening(self, socket)` after each event says whether
        the connection was ended by it."""
        failures = 0
        async with aiohttp.ClientSession() as session:
            while not self.complete:
                try:
                    await self._listen(session, happening)
                    failures = 0
                except (aiohttp.ClientError, OSError, httpx.HTTPError, KeyError):
                    failures += 1
                self.at = 1 - self.at
                await asyncio.sleep(min(0.1 * 2**failures, 2))

    @property
    def complete(self) -> bool:
        return bool(self.events) and self.events[-1]["event"] == "campaign_complete"

    async def _listen(
        self, session: aiohttp.ClientSession, happening: Callable[["Follower", Any], bool]
    ) -> None:
        client = self.gateways.stack.client
        ticket = (await asyncio.to_thread(client.post, "/api/ws/ticket")).json()["ticket"]
        url = f"http://127.0.0.1:{self.gateways.ports[self.at]}/ws?ticket={ticket}"
        async with session.ws_connect(url) as sock:
            resume = {"type": "resume", "campaignId": self.campaign_id, "afterSeq": self.last}
            await sock.send_json(resume)
            self.connections += 1
            async for message in sock:
                frame = message.json()
                self.told.append(frame["type"])
                if frame["type"] != "campaign_update":
                    continue
                assert frame["prevSeq"] == self.last, "a gap nobody told of"
                self.last = frame["seq"]
                self.events.append(frame["data"])
                if self.complete or happening(self, sock):
                    return


def people(count: int) -> list[dict[str, str]]:
    return [{"nome": f"Pessoa {at}", "telefone": f"119{80000000 + at}"} for at in range(count)]


def test_a_client_misses_nothing_whatever_dies_under_it(
    gateways: Gateways, valkey: OwnValkey, sandbox: Sandbox
) -> None:
    sandbox.tune(latency_ms=30)
    created = gateways.stack.campaign(people(CONTACTS), delayMin=0.1, delayMax=0.1)
    follower = Follower(gateways, created["campaign"]["campaign_id"])
    done: list[str] = []

    def happening(self: Follower, sock: Any) -> bool:
        sent = sum(event["event"] == "message_sent" for event in self.events)
        if "cut" not in done and sent >= 15:
            done.append("cut")
            sock.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            return True
        if "killed" not in done and sent >= 40:
            done.append("killed")
            gateways.kill(self.at)
            return True
        if "redis" not in done and sent >= 70:
            done.append("redis")
            valkey.kill()
            valkey.start()
        if "started" not in done and sent >= 90:
            done.append("started")
            gateways.start(1 - self.at)
        if "cut again" not in done and sent >= 110:
            done.append("cut again")
            sock.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            return True
        return False

    asyncio.run(asyncio.wait_for(follower.follow(happening), 150))
    assert done == ["cut", "killed", "redis", "started", "cut again"]
    assert "snapshot" not in follower.told
    assert follower.connections >= 4
    kinds = Counter(event["event"] for event in follower.events)
    assert kinds["campaign_created"] == kinds["campaign_complete"] == 1
    sent = [event["phone"] for event in follower.events if event["event"] == "message_sent"]
    assert sorted(sent) == sorted(entry["number"] for entry in sandbox.ledger())
    assert len(set(sent)) == CONTACTS
    metrics = gateways.stack.metrics(follower.campaign_id)
    assert metrics["last_seq"] == follower.last
    assert follower.events[-1]["totalSent"] == metrics["sent_count"] == CONTACTS
