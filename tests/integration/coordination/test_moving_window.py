"""The moving window of requests: no window of its length ever holds more, whoever counts."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.coordination.rate_limit import RequestLimits
from shared.coordination.redis_client import make_redis

LIMIT, SECONDS = 20, 1
CLOCK_STEP = 0.002  # the server reads its clock once per turn of its loop
RULE = {"limit": LIMIT, "seconds": SECONDS}


@pytest.fixture
def processes(redis_url: str) -> Iterator[list[RequestLimits]]:
    """Three processes' limiters on one Redis, a connection for each of their threads."""
    clients = [make_redis(redis_url, max_connections=3) for _ in range(3)]
    yield [RequestLimits(client, "test") for client in clients]
    for client in clients:
        client.close()


def test_no_window_holds_more_than_the_limit_however_the_calls_are_spread(
    processes: list[RequestLimits],
) -> None:
    until = time.time() + 3.5 * SECONDS
    passed: list[tuple[float, float]] = []  # when a call that passed began and ended

    def hammer(at: int) -> None:
        limits = processes[at % len(processes)]
        while time.time() < until:
            began = time.time()
            if limits.hit("requests", "somebody", **RULE).allowed:
                passed.append((began, time.time()))

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(hammer, range(9)))
    passed.sort()
    assert len(passed) >= 3 * LIMIT, "the window opens again"
    # A call was counted between its beginning and its end: a window that certainly held them all.
    for first, last in zip(passed, passed[LIMIT:], strict=False):
        assert last[1] - first[0] >= SECONDS - CLOCK_STEP


def test_a_burst_across_the_edge_of_a_window_is_one_burst(processes: list[RequestLimits]) -> None:
    limits, other, _ = processes

    def burst(count: int) -> int:
        return sum(limits.hit("requests", "somebody", **RULE).allowed for _ in range(count))

    assert burst(1) == 1
    time.sleep(0.8 * SECONDS)
    assert burst(LIMIT + 5) == LIMIT - 1
    time.sleep(0.3 * SECONDS)  # only the very first has left the window
    assert burst(LIMIT) == 1
    assert other.hit("requests", "somebody else", **RULE).remaining == LIMIT - 1


def test_after_the_wait_it_names_a_call_passes(processes: list[RequestLimits]) -> None:
    rule = {"limit": 2, "seconds": 2}
    answers = [processes[at].hit("requests", "somebody", **rule) for at in range(3)]
    assert [answer.allowed for answer in answers] == [True, True, False]
    assert [answer.remaining for answer in answers] == [1, 0, 0]
    wait = answers[-1].reset_seconds
    assert wait in {1, 2}
    time.sleep(wait)
    assert processes[0].hit("requests", "somebody", **rule).allowed
