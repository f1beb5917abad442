"""The limits on real processes: requests of a user in a minute, campaigns that run at once."""

import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from redis import Redis

from deploy.local.ports import free_port
from shared.settings import Settings
from tests.end_to_end.stack import Stack, running_stack
from tests.sandbox_process import Sandbox

PER_MINUTE = 60
RUNNING = 5
PASSWORD = "outra-senha-longa-42"


@dataclass
class Answers:
    """What came back: statuses and the headers of each refusal."""

    statuses: Counter[int] = field(default_factory=Counter)
    refused: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def stack(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> Iterator[Stack]:
    """Every process, with the plan every tenant begins with."""
    logs = tmp_path / "output"
    logs.mkdir()
    with running_stack(settings_for(), sandbox, logs) as running:
        yield running


@pytest.fixture
def other_server(stack: Stack) -> str:
    """A second `rapidflow server` on the same PostgreSQL and Redis: its address."""
    port = str(free_port())
    address = f"http://127.0.0.1:{port}"
    first = stack.environment
    stack.environment = {**first, "PORT": port}
    stack.start("server-2", "server")
    stack.environment = first
    until = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{address}/health/live", timeout=2, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < until, stack.tail()
            time.sleep(0.1)
        else:
            return address


async def ask_at_once(
    addresses: Sequence[str], headers: Sequence[dict[str, str]], count: int
) -> Answers:
    """So many requests at the same moment, dealt to servers and credentials in turn."""
    answers = Answers()
    turns = zip(itertools.cycle(addresses), itertools.cycle(headers), strict=False)

    async def ask(session: aiohttp.ClientSession, address: str, sent: dict[str, str]) -> None:
        async with session.get(f"{address}/api/me", headers=sent) as answer:
            await answer.read()
            answers.statuses[answer.status] += 1
            if answer.status == 429:
                answers.refused.append(dict(answer.headers))

    connector = aiohttp.TCPConnector(limit=200)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(ask(session, *turn) for turn in itertools.islice(turns, count)))
    return answers


def a_minute_almost_passes(stack: Stack, redis_url: str, of: str, *, left: float) -> None:
    """The counted requests move back in time until the oldest has `left` seconds to go."""
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        environment = stack.environment["RAPIDFLOW_ENVIRONMENT"]
        pattern = f"{environment}:limits:requests:{of}:60"
        (key,) = redis.scan_iter(pattern)
        instants = [int(instant) for instant in redis.lrange(key, 0, -1)]
        shift = min(instants) + 60_000_000 - int((time.time() + left) * 1_000_000)
        redis.delete(key)
        redis.rpush(key, *(instant - shift for instant in instants))


def rapidflow(stack: Stack, *arguments: str) -> str:
    """What a command of the installation's administrator prints."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    done = subprocess.run(
        command, env=dict(stack.environment), capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_of_a_thousand_requests_at_once_exactly_sixty_pass(
    stack: Stack, other_server: str, redis_url: str
) -> None:
    email = "outra@example.com"
    rapidflow(stack, "user", "create", "--email", email, "--password", PASSWORD)
    keys = [rapidflow(stack, "token", "create", "--email", email, "--name", "x") for _ in range(2)]
    body = {"email": email, "password": PASSWORD}
    signed_in = stack.client.post("/api/auth/login", json=body, headers={"X-API-Key": ""})
    assert signed_in.status_code == 200, signed_in.text
    credentials = [{"X-API-Key": key} for key in keys]
    credentials.append({"Authorization": f"Bearer {signed_in.json()['access_token']}"})
    addresses = [str(stack.client.base_url).rstrip("/"), other_server]

    answers = asyncio.run(ask_at_once(addresses, credentials, 1000))
    assert answers.statuses == {200: PER_MINUTE, 429: 1000 - PER_MINUTE}
    for headers in answers.refused:
        assert int(headers["Retry-After"]) >= 1
        assert headers["RateLimit-Limit"] == str(PER_MINUTE)
        assert headers["RateLimit-Remaining"] == "0"
        assert int(headers["RateLimit-Reset"]) >= 1
    # Somebody else of the same tenant does not notice.
    assert stack.client.get("/api/me").status_code == 200

    user = signed_in.json()["user"]
    a_minute_almost_passes(stack, redis_url, f"*:{user['id']}", left=2.5)
    refused = stack.client.get("/api/me", headers=credentials[0])
    assert refused.status_code == 429
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 3
    time.sleep(wait)
    assert stack.client.get("/api/me", headers=credentials[0]).status_code == 200


def test_five_campaigns_of_a_user_run_and_the_rest_follow_by_priority_then_age(
    stack: Stack, sandbox: Sandbox
) -> None:
    stack.start("control-2", "control")
    rapidflow(stack, "plan", "set", "RapidFlow", "--requests-per-minute", "100000")
    name = f"loja-{stack.environment['RAPIDFLOW_ENVIRONMENT']}"
    sandbox.create_instance(name)
    answer = stack.client.post("/api/instances", json={"name": name, "adopt": True})
    assert answer.status_code == 201, answer.text

    def create(at: int, priority: int = 0) -> dict[str, Any]:
        contacts = [{"nome": "Ana", "telefone": f"119{61_000_000 + at * 10 + n}"} for n in (0, 1)]
        body = {
            "name": "Teste",
            "contacts": contacts,
            "config": {"delayMin": 3000, "delayMax": 3000},
            "priority": priority,
        }
        created = stack.client.post("/api/campaigns", json=body)
        assert created.status_code == 201, created.text
        campaign: dict[str, Any] = created.json()["campaign"]
        return campaign

    with ThreadPoolExecutor(7) as pool:
        first = list(pool.map(create, range(7)))
    assert Counter(one["queue_position"] for one in first) == {None: RUNNING, 1: 1, 2: 1}
    running = wait_running(stack, RUNNING)
    waiting = [one["id"] for one in first if one["id"] not in running]
    urgent, usual = create(7, priority=9), create(8)
    assert (urgent["queue_position"], usual["queue_position"]) == (1, 4)
    expected = [urgent["id"], *sorted(waiting), usual["id"]]
    for following in expected:
        ended = min(running)
        assert stack.client.post(f"/api/campaigns/{ended}/cancel").status_code == 200
        before, running = running - {ended}, wait_running(stack, RUNNING, without=ended)
        assert running - before == {following}


def wait_running(stack: Stack, count: int, *, without: int | None = None) -> set[int]:
    """Numbers of the running campaigns once there are so many; there are never more."""
    until = time.monotonic() + 30
    while True:
        listed = stack.client.get("/api/campaigns?status=running").json()["campaigns"]
        running = {one["id"] for one in listed}
        assert len(running) <= count
        if len(running) == count and without not in running:
            return running
        assert time.monotonic() < until, stack.tail()
        time.sleep(0.05)
