"""Two gateway processes and an API process: one count, one limit, for all of them."""

import json
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.coordination.tickets import TicketIdentity, issue_ticket

from .conftest import Client, World, end_of, hear, say
from .processes import served


@dataclass
class Cluster:
    """Processes of one environment, and the sockets opened to them."""

    world: World
    api: int
    one: int
    two: int
    kill: Callable[[int], None]
    environment: str
    user_id: int
    sockets: list[Client] = field(default_factory=list)

    def websocket(self, port: int) -> dict[str, int]:
        """What `/health` of a process says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            found: dict[str, int] = json.load(answer)["websocket"]
            return found

    def connect(self, port: int) -> tuple[Client, dict[str, Any]]:
        """A socket that said whose it is, and what it was answered."""
        client = Client(f"ws://127.0.0.1:{port}/ws")
        self.sockets.append(client)
        identity = TicketIdentity(self.world.tenant_id, self.user_id, "operator", 0)
        ticket = issue_ticket(self.world.redis, identity, 30, environment=self.environment)
        say(client, type="auth", ticket=ticket)
        return client, hear(client)


@pytest.fixture
def cluster(world: World) -> Iterator[Cluster]:
    environment = f"two-{secrets.token_hex(4)}"
    settings = {
        "RAPIDFLOW_ENVIRONMENT": environment,
        "RAPIDFLOW_GATEWAY__SOCKETS_PER_USER": "3",
    }
    with ExitStack() as stack:
        started = {
            port: process
            for process, port in (
                stack.enter_context(served(world, service, **settings))
                for service in ("api", "gateway", "gateway")
            )
        }
        api, one, two = started
        made = Cluster(
            world, api, one, two, lambda port: started[port].kill(), environment, world.new_user()
        )
        yield made
    for client in made.sockets:  # their servers are gone
        client.thread.join(5)
        client.sock.close()


def eventually(look: Callable[[], Any], wanted: Any, *, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while (seen := look()) != wanted:
        assert time.monotonic() < until, seen
        time.sleep(0.1)


def numbers(connections: int, users: int, campaigns: int) -> dict[str, int]:
    return {
        "totalConnections": connections,
        "subscribedUsers": users,
        "subscribedCampaigns": campaigns,
    }


def test_health_counts_the_sockets_of_all_processes(cluster: Cluster, world: World) -> None:
    _, public_id = world.new_campaign()
    first, _ = cluster.connect(cluster.one)
    say(first, type="subscribe_campaign", campaignId=public_id)
    assert hear(first)["type"] == "subscribed"
    cluster.connect(cluster.one)
    third, _ = cluster.connect(cluster.two)
    say(third, type="subscribe_user", userId=cluster.user_id)
    assert hear(third)["type"] == "subscribed"

    for port in (cluster.api, cluster.one, cluster.two):
        eventually(lambda port=port: cluster.websocket(port), numbers(3, 1, 1))
    cluster.kill(cluster.two)
    eventually(lambda: cluster.websocket(cluster.api), numbers(2, 0, 1))


def test_health_answers_before_a_hanging_redis_does(cluster: Cluster, world: World) -> None:
    cluster.connect(cluster.one)
    eventually(lambda: cluster.websocket(cluster.api), numbers(1, 0, 0))
    pause = 6.0
    world.redis.client_pause(int(pause * 1000))
    began = time.monotonic()
    for _ in range(10):
        assert cluster.websocket(cluster.one)["totalConnections"] == 1
        cluster.websocket(cluster.api)
    assert time.monotonic() - began < pause, "it waited for Redis"


def test_a_user_has_so_many_sockets_in_all(cluster: Cluster) -> None:
    mine, _ = cluster.connect(cluster.one)
    cluster.connect(cluster.one)
    assert cluster.connect(cluster.two)[1]["type"] == "authenticated"
    for port in (cluster.one, cluster.two):
        refused, answer = cluster.connect(port)
        assert answer["code"] == "too_many_sockets"
        assert end_of(refused) == 1013
    mine.close()
    eventually(lambda: cluster.connect(cluster.two)[1]["type"], "authenticated")
    cluster.kill(cluster.one)
    eventually(lambda: cluster.connect(cluster.two)[1]["type"], "authenticated")


def test_a_client_resumes_on_the_other_gateway(cluster: Cluster, world: World) -> None:
    campaign_id, public_id = world.new_campaign(user_id=cluster.user_id)
    world.store(campaign_id, "campaign_created", "message_sent")
    client, _ = cluster.connect(cluster.one)
    say(client, type="resume", campaignId=public_id, afterSeq=0)
    assert hear(client)["type"] == "resumed"
    world.store(campaign_id, "message_sent")
    again, _ = cluster.connect(cluster.two)
    say(again, type="resume", campaignId=public_id, afterSeq=2)
    assert hear(again)["type"] == "resumed"
    update = hear(again)
    assert (update["prevSeq"], update["seq"]) == (2, 3)
