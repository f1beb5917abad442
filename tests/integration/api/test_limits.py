"""Limits under parallel calls, and answers while Redis does not move."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.servers import RunningServers
from tests.integration.api.conftest import PASSWORD, Person, campaign_body


def test_the_rate_is_exact_under_parallel_calls(person: Callable[..., Person]) -> None:
    asked = person("operator", rate=40)

    def ask(_: int) -> int:
        client = asked.client.application.test_client()
        return client.get("/api/me", headers={"X-API-Key": asked.key}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = Counter(pool.map(ask, range(80)))
    assert codes == {200: 40, 429: 40}


def test_the_same_key_in_parallel_creates_one_campaign(owner: Person) -> None:
    def ask(_: int) -> int:
        client = owner.client.application.test_client()
        headers = {"X-API-Key": owner.key, "Idempotency-Key": "same"}
        return client.post("/api/campaigns", json=campaign_body(50), headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        codes = Counter(pool.map(ask, range(12)))
    assert set(codes) <= {201, 409}
    assert len(owner.get("/api/campaigns").get_json()["campaigns"]) == 1


@pytest.fixture
def frozen_redis(owner: Person, servers: RunningServers) -> Iterator[None]:
    owner.get("/api/me")  # everything open and connected before
    os.kill(servers.valkey_pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(servers.valkey_pid, signal.SIGCONT)


@pytest.mark.usefixtures("frozen_redis")
def test_a_frozen_redis_delays_nothing_for_long(owner: Person) -> None:
    began = time.monotonic()
    created = owner.post("/api/campaigns", campaign_body())
    assert created.status_code == 201
    assert time.monotonic() - began < 3
    began = time.monotonic()
    body = {"email": owner.email, "password": PASSWORD}
    assert owner.client.post("/api/auth/login", json=body).status_code == 503
    assert owner.post("/api/ws/ticket").status_code == 503
    assert owner.client.get("/health/ready").status_code == 503
    assert owner.client.get("/health/live").status_code == 200
    assert time.monotonic() - began < 8
