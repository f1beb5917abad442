"""Under load the least needed is refused first, at once, and the most needed never."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from api.runtime import Runtime
from tests.integration.api.conftest import Person, campaign_body


@pytest.fixture
def crowd(parts: Runtime) -> Iterator[Callable[[int], None]]:
    """`crowd(n)`: every connection is taken and `n` requests wait for one."""
    release = threading.Event()
    taken: list[threading.Thread] = []

    def hold() -> None:
        with contextlib.suppress(Exception), parts.pool.connection(timeout=60):
            release.wait(60)

    def make(waiting: int) -> None:
        for _ in range(parts.settings.pool.api_size + waiting):
            taken.append(threading.Thread(target=hold, daemon=True))
            taken[-1].start()
        until = time.monotonic() + 20
        while parts.pool.get_stats()["requests_waiting"] < waiting:
            assert time.monotonic() < until
            time.sleep(0.01)

    yield make
    release.set()
    for thread in taken:
        thread.join(10)


@pytest.mark.parametrize(
    ("waiting", "refused"),
    [
        (4, {"metrics"}),
        (7, {"metrics", "export"}),
        (8, {"metrics", "export", "create"}),
        (12, {"metrics", "export", "create", "list"}),
    ],
)
def test_what_is_needed_least_is_refused_first(
    owner: Person, crowd: Callable[[int], None], waiting: int, refused: set[str]
) -> None:
    campaign = owner.create()["campaign"]["id"]
    crowd(waiting)
    asked = {
        "metrics": lambda: owner.get(f"/api/campaigns/{campaign}/metrics"),
        "export": lambda: owner.get(f"/api/campaigns/{campaign}/export"),
        "create": lambda: owner.post("/api/campaigns", campaign_body()),
        "list": lambda: owner.get("/api/campaigns"),
    }
    for name in refused:
        began = time.monotonic()
        answer = asked[name]()
        assert answer.status_code == 503
        assert answer.get_json()["error"]["code"] == "overloaded"
        assert int(answer.headers["Retry-After"]) >= 1
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
