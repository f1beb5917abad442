"""`/health` adds other processes' sockets and never waits long for them."""

import threading

from redis.exceptions import ConnectionError as RedisConnectionError

from api.socket_census import SocketCensus
from shared.coordination.gateways import SocketStats
from tests.unit.sockets.harness import Clock


def numbers(connections: int, users: int = 0, campaigns: int = 0) -> SocketStats:
    return {
        "totalConnections": connections,
        "subscribedUsers": users,
        "subscribedCampaigns": campaigns,
    }


def test_own_and_others_are_added() -> None:
    census = SocketCensus(lambda: numbers(3, 2, 1), patience_seconds=5)
    assert census.with_others(numbers(1, 1, 0)) == numbers(4, 3, 1)


def test_many_health_checks_ask_once_a_second() -> None:
    clock = Clock()
    asked: list[int] = []

    def ask() -> SocketStats:
        asked.append(1)
        return numbers(len(asked))

    census = SocketCensus(ask, patience_seconds=5, clock=clock)
    assert [census.with_others(numbers(0)) for _ in range(50)] == [numbers(1)] * 50
    clock.now += 1.1
    assert census.with_others(numbers(0)) == numbers(2)


def test_while_redis_hangs_nobody_waits_for_it_and_old_numbers_fade() -> None:
    clock = Clock()
    hanging = threading.Event()
    answers = [numbers(5)]

    def ask() -> SocketStats:
        if answers:
            return answers.pop()
        hanging.wait(30)
        raise RedisConnectionError

    census = SocketCensus(ask, patience_seconds=0.2, clock=clock)
    assert census.with_others(numbers(1)) == numbers(6)
    clock.now += 2
    assert census.with_others(numbers(1)) == numbers(6)  # the question is still under way
    clock.now += 6
    assert census.with_others(numbers(1)) == numbers(1)
    hanging.set()


def test_without_redis_a_process_counts_its_own() -> None:
    def ask() -> SocketStats:
        raise RedisConnectionError

    census = SocketCensus(ask, patience_seconds=5)
    assert census.with_others(numbers(2)) == numbers(2)
