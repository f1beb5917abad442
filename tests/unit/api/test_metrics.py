"""The numbers of `GET …/metrics`, from counters, at every edge."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.schemas.campaigns import metrics_answer
from shared.db.campaigns import Campaign

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def metrics(status: str = "running", *, age: float | None = 600, **given: Any) -> dict[str, Any]:
    """The answer for a campaign that began `age` seconds ago."""
    values: dict[str, Any] = {
        "campaign_id": 1, "public_id": "CAMP-1", "user_id": 1, "name": "x", "status": status,
        "priority": 0, "template": "x", "image_url": None, "delay_min": 0.0, "delay_max": 0.0,
        "scheduled_at": None, "finished_at": None, "created_at": NOW, "executor": "engine",
        "reference": None, "model": None, "doubt_policy": "hold", "doubt_after_hours": 24,
        "total": 100, "processed": 0, "skipped": 0, "sent": 0,
        "delivered": 0, "read": 0, "replied": 0, "failed": 0, "in_doubt": 0, "cancelled": 0,
        "attempts": 0, "seconds_sum": 0.0, "seconds_min": None, "seconds_max": None,
        "timings": [], "gap_seconds": 1.0, "last_sent_at": None, "seq": 0,
        "waiting_reason": None, "recent_per_second": 1.0, "eta_seconds": None, "read_at": NOW,
        "started_at": None if age is None else NOW - timedelta(seconds=age),
    }  # fmt: skip
    return dict(metrics_answer(Campaign(**{**values, **given})))


@pytest.mark.parametrize(
    ("processed", "total", "shown"),
    [(0, 3, 0), (1, 3, 33.33), (2, 3, 66.67), (9999, 10_000, 99.99), (3, 3, 100), (1, 1, 100)],
)
def test_progress_is_100_only_when_nothing_is_open(
    processed: int, total: int, shown: float
) -> None:
    assert metrics(processed=processed, total=total)["progress_percentage"] == shown


@pytest.mark.parametrize(
    ("per_minute", "age", "gap", "score"),
    [
        (0.499, 60, 120, 85),
        (0.4999, 60, 120, 85),  # shown as 0.5, judged as what it is
        (0.5, 60, 120, 100),
        (0.499, 59.9, 120, 100),  # its first minute
        (0.499, 60, 120.1, 100),  # its own pace is slower
    ],
)
def test_speed_costs_points_only_where_it_says_something(
    per_minute: float, age: float, gap: float, score: int
) -> None:
    answer = metrics(
        age=age, gap_seconds=gap, recent_per_second=per_minute / 60, sent=10, processed=10
    )
    assert answer["messages_per_minute"] == round(per_minute, 2)
    assert answer["health_score"] == score


@pytest.mark.parametrize("status", ["paused", "pending", "completed", "cancelled", "failed"])
def test_speed_costs_points_only_while_running(status: str) -> None:
    ended = NOW if status in {"completed", "cancelled", "failed"} else None
    answer = metrics(status, recent_per_second=0.0, sent=1, processed=1, finished_at=ended)
    assert answer["health_score"] == 100


def test_the_speed_of_an_ended_campaign_is_its_average() -> None:
    answer = metrics("completed", age=1200, finished_at=NOW, sent=50, processed=100)
    assert answer["messages_per_minute"] == 2.5
    assert answer["duration_seconds"] == 1200


@pytest.mark.parametrize(("status", "age"), [("pending", None), ("cancelled", None)])
def test_what_never_began_has_no_duration_and_no_speed(status: str, age: None) -> None:
    answer = metrics(status, age=age, recent_per_second=0.0)
    assert answer["duration_seconds"] is None
    assert answer["messages_per_minute"] == 0


@pytest.mark.parametrize(
    ("status", "shown"),
    [("running", 40), ("paused", None), ("pending", None), ("scheduled", None),
     ("completed", 0), ("cancelled", 0), ("failed", 0)],
)  # fmt: skip
def test_the_estimate_is_known_while_it_runs(status: str, shown: int | None) -> None:
    assert metrics(status, eta_seconds=40)["estimated_seconds_remaining"] == shown


def test_rates_speak_of_what_was_tried() -> None:
    answer = metrics(sent=50, failed=2, skipped=30, in_doubt=8, processed=90)
    assert (answer["success_rate"], answer["error_rate"]) == (96.15, 3.85)
    assert answer["health"]["success_rate"] == 96.15
