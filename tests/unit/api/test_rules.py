"""Small rules of the edge: health score, addresses, fields, webhook keys, route guards."""

import pytest

from api.fields import path_of
from api.provider_events import _dedupe_key
from api.schemas.urls import check_public_url
from shared.domain.health_score import Health, health_score, judged_speed, rates


@pytest.mark.parametrize(
    ("success", "error", "speed", "completed", "score"),
    [
        (100, 0, None, False, 100),
        (98, 2, None, True, 100),
        (97, 3, None, False, 95),
        (94, 6, None, False, 85),
        (80, 20, None, False, 60),
        (60, 40, None, False, 45),
        (60, 40, 0.1, False, 30),
        (96, 4, None, True, 100),
        (94, 6, 0.4, True, 70),
    ],
)
def test_the_specs_formula(
    success: float, error: float, speed: float | None, completed: bool, score: int
) -> None:
    assert health_score(Health(success, error, speed, completed, 50)) == score


def test_nothing_tried_scores_100() -> None:
    assert health_score(Health(0, 0, 0.0, False, 0)) == 100
    assert health_score(Health(0, 0, 0.0, False, 3)) == 100  # only skipped ones


def test_rates_of_what_was_tried() -> None:
    assert rates(98, 2) == (98, 2)
    assert rates(0, 0) == (0, 0)


def test_speed_counts_only_while_running_fast() -> None:
    assert judged_speed(0.1, running_seconds=61, gap_seconds=30) == 0.1
    assert judged_speed(0.1, running_seconds=59, gap_seconds=30) is None
    assert judged_speed(0.1, running_seconds=None, gap_seconds=30) is None
    assert judged_speed(0.1, running_seconds=61, gap_seconds=260) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://8.8.8.8/x",
        "https://[2606:4700::1111]/x",
    ],
)
def test_public_addresses(url: str) -> None:
    assert check_public_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "https://",
        "https://user:pw@example.com",
        "https://localhost/x",
        "https://redis/x",
        "https://a.internal/x",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://0x7f000001/x",
        "http://2130706433/x",
        "http://10.0.0.1",
        "http://169.254.169.254/latest",
        "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://100.64.0.1",
        "http://224.0.0.1",
        "https://example.com/a b",
        "https://example.com:99999/",
        "https://example.com/" + "x" * 2050,
        "javascript:alert(1)",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_public_url(url)


def test_field_paths() -> None:
    assert path_of(("contacts", 3, "telefone")) == "contacts[3].telefone"
    assert path_of(("config", "instances", 0)) == "config.instances[0]"
    assert path_of(()) == "body"


def test_webhook_keys() -> None:
    update = {"keyId": "A", "status": "READ", "fromMe": True}
    assert _dedupe_key("messages.update", update, "1") == _dedupe_key(
        "messages.update", update, "2"
    )
    nothing = _dedupe_key("logout.instance", None, "1")
    assert nothing != _dedupe_key("logout.instance", None, "2")
