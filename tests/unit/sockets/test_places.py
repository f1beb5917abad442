"""Limits of users and tenants over several processes; Redis is the real one."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from api.sockets.client import Client
from api.sockets.hub import Hub
from api.sockets.places import Places
from shared.coordination.gateways import Gateways
from shared.coordination.redis_client import make_redis
from shared.coordination.tickets import TicketIdentity
from shared.settings import GatewaySettings
from tests.unit.sockets.harness import Clock, FakeConnection

LIMITS = GatewaySettings(sockets_per_user=2, sockets_per_tenant=3)


class Process:
    """A gateway process without its network."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.clock = Clock()
        self.hub = Hub(LIMITS, lambda *_: [], clock=self.clock)
        gateways = Gateways(redis, "places", name)
        self.places = Places(self.hub, gateways, LIMITS, clock=self.clock)
        self.announce()

    def announce(self) -> None:
        self.clock.now += 2
        self.places.refresh()

    def open(self, user: int = 1, tenant: int = 1) -> Client | None:
        client = Client(FakeConnection(), LIMITS)  # type: ignore[arg-type]
        identity = TicketIdentity(tenant, user, "operator", 0)
        assert self.hub.admit(client)
        if not self.places.take(client, identity):
            self.hub.leave(client)
            return None
        client.identity = identity
        return client

    def close(self, client: Client | None) -> None:
        assert client is not None
        assert client.identity is not None
        self.hub.leave(client)
        self.places.give_back(client.identity)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with make_redis(redis_url) as client:
        yield client


@pytest.fixture
def process(redis: Redis) -> Callable[[str], Process]:
    return lambda name: Process(redis, name)


def test_a_users_sockets_are_counted_over_processes(process: Callable[[str], Process]) -> None:
    one, two = process("one"), process("two")
    first = one.open()
    assert first
    assert two.open()
    assert one.open() is None
    assert two.open() is None
    one.close(first)
    assert two.open()


def test_a_tenants_sockets_are_counted_over_processes(process: Callable[[str], Process]) -> None:
    one, two = process("one"), process("two")
    assert one.open(user=1)
    assert two.open(user=2)
    assert one.open(user=3)
    assert two.open(user=4) is None
    assert two.open(user=4, tenant=2)


def test_what_a_dead_process_held_is_free(process: Callable[[str], Process], redis: Redis) -> None:
    one, two = process("one"), process("two")
    assert one.open()
    assert one.open()
    assert two.open() is None
    redis.hdel("places:gateways", "one")  # as when it has been silent for too long
    assert two.open()


def test_an_ended_process_holds_nothing(process: Callable[[str], Process]) -> None:
    one, two = process("one"), process("two")
    assert one.open()
    assert one.open()
    one.places.close()
    assert two.open()


def test_redis_that_forgot_is_told_again(process: Callable[[str], Process], redis: Redis) -> None:
    one, two = process("one"), process("two")
    assert one.open()
    assert one.open()
    redis.flushall()
    one.announce()
    two.announce()
    assert two.open() is None


def test_without_redis_each_process_counts_alone_and_catches_up(
    process: Callable[[str], Process], redis: Redis
) -> None:
    one, two = process("one"), process("two")
    gone = one.open()
    redis.connection_pool.disconnect()
    away = make_redis("redis://127.0.0.1:1")
    one.places._gateways = Gateways(away, "places", "one")
    one.close(gone)
    assert one.open(user=2)
    assert one.open(user=2)
    assert one.open(user=2) is None
    one.places._gateways = Gateways(redis, "places", "one")
    one.clock.now += 5
    one.announce()
    assert two.open(user=2) is None
    assert two.open(user=1)
    away.close()
