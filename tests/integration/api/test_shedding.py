"""Under load the least needed is refused first, at once, and the most needed never."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from api.runtime import Runtime
from tests.integration.api.conftest import Person, campaign_body


@pytest.fixture
def crowd(app: Flask, parts: Runtime) -> Iterator[Callable[[int], None]]:
    """`crowd(n)`: every connection is taken, and `n` requests have waited for one for a while."""
    release = threading.Event()
    taken: list[threading.Thread] = []

    holding = threading.Semaphore(0)

    def hold() -> None:
        with contextlib.suppress(Exception), parts.pool.connection(timeout=60):
            holding.release()
            release.wait(60)

    def begin(count: int) -> None:
        for _ in range(count):
            taken.append(threading.Thread(target=hold, daemon=True))
            taken[-1].start()

    def make(waiting: int) -> None:
        size = parts.settings.pool.api_size
        begin(size)
        for _ in range(size):
            assert holding.acquire(timeout=20)
        begin(waiting)
        until = time.monotonic() + 20
        while parts.pool.get_stats()["requests_waiting"] < waiting:
            assert time.monotonic() < until
            time.sleep(0.01)
        app.test_client().get("/health")  # a first look at the load
        time.sleep(1)

    yield make
    release.set()
    for thread in taken:
        thread.join(10)


def test_a_line_that_does_not_move_is_joined_by_nobody_who_can_wait(
    owner: Person, crowd: Callable[[int], None]
) -> None:
    campaign = owner.create()["campaign"]["id"]
    crowd(3)
    asked: list[Callable[[], object]] = [
        lambda: owner.get(f"/api/campaigns/{campaign}/metrics"),
        lambda: owner.get("/api/campaigns/dashboard"),
        lambda: owner.get(f"/api/campaigns/{campaign}/export"),
        lambda: owner.post("/api/campaigns", campaign_body()),
        lambda: owner.get("/api/campaigns"),
    ]
    for ask in asked:
        began = time.monotonic()
        answer = ask()
        assert answer.status_code == 503  # type: ignore[attr-defined]
        assert answer.get_json()["error"]["code"] == "database_unavailable"  # type: ignore[attr-defined]
        assert int(answer.headers["Retry-After"]) >= 1  # type: ignore[attr-defined]
        assert time.monotonic() - began < 1


def test_orders_and_receipts_are_never_turned_away_for_load(
    owner: Person, crowd: Callable[[int], None]
) -> None:
    campaign = owner.create()["campaign"]["id"]
    crowd(30)
    for path in (f"/api/campaigns/{campaign}/cancel", "/webhooks/evolution/1-" + "A" * 26):
        answer = owner.post(path, {})
        code = answer.get_json()["error"]["code"] if answer.status_code >= 400 else ""
        assert code != "overloaded"
