"""The spec's health score and rates: just below, at and just above every threshold."""

import pytest

from shared.domain.health_score import (
    Health,
    deductions,
    health_score,
    judged_speed,
    rates,
    shares,
)


def score(
    sent: int,
    failed: int,
    *,
    speed: float | None = None,
    completed: bool = False,
    skipped: int = 0,
) -> int:
    success, errors = shares(sent, failed)
    return health_score(Health(success, errors, speed, completed, sent + failed + skipped))


@pytest.mark.parametrize(
    ("failed_of_10_000", "expected"),
    [
        (0, 100),
        (199, 100),
        (200, 100),  # 2 % is not more than 2 %
        (201, 95),
        (500, 95),
        (501, 85),
        (1000, 85),
        (1001, 70),
        (1499, 70),
        (1500, 70),  # 85 % is not less than 85 %
        (1501, 60),
        (3000, 60),
        (3001, 45),
        (10_000, 45),
    ],
)
def test_penalties_for_errors_and_missing_success(failed_of_10_000: int, expected: int) -> None:
    assert score(10_000 - failed_of_10_000, failed_of_10_000) == expected


@pytest.mark.parametrize(("failed", "of", "expected"), [(1000, 9999, 70), (200, 9999, 95)])
def test_a_threshold_is_judged_before_the_rate_is_rounded(
    failed: int, of: int, expected: int
) -> None:
    assert rates(of - failed, failed)[1] in {10.0, 2.0}  # what is shown
    assert score(of - failed, failed) == expected


@pytest.mark.parametrize(
    ("failed_of_10_000", "expected"),
    [
        (0, 100),  # never above 100
        (201, 100),
        (499, 100),
        (500, 95),  # 95 % is not more than 95 %
        (501, 85),
    ],
)
def test_the_bonus_of_a_completed_campaign(failed_of_10_000: int, expected: int) -> None:
    assert score(10_000 - failed_of_10_000, failed_of_10_000, completed=True) == expected


@pytest.mark.parametrize(("speed", "expected"), [(None, 100), (0, 85), (0.499, 85), (0.5, 100)])
def test_the_penalty_for_speed(speed: float | None, expected: int) -> None:
    assert score(50, 0, speed=speed) == expected


def test_the_lowest_score_there_is() -> None:
    assert score(0, 9, speed=0.0) == 30


def test_every_deduction_is_named_and_together_they_are_what_is_missing() -> None:
    worst = Health(0.0, 100.0, 0.1, completed=False, processed=9)
    assert deductions(worst) == {"error_rate": 30, "success_rate": 25, "messages_per_minute": 15}
    assert health_score(worst) == 100 - 70
    assert deductions(Health(99.0, 1.0, 2.0, completed=False, processed=9)) == {}
    assert deductions(Health(0.0, 0.0, 0.1, completed=False, processed=7)) == {}


@pytest.mark.parametrize("skipped", [0, 7])
def test_what_has_tried_nothing_scores_100(skipped: int) -> None:
    assert score(0, 0, speed=0.0, skipped=skipped) == 100


@pytest.mark.parametrize(
    ("running", "gap", "judged"),
    [
        (None, 1.0, False),  # not running
        (59.9, 1.0, False),
        (60.0, 1.0, True),
        (600.0, 120.0, True),  # its own pace allows half a message a minute
        (600.0, 120.1, False),
        (600.0, None, True),
    ],
)
def test_speed_is_judged_only_where_it_says_something(
    running: float | None, gap: float | None, judged: bool
) -> None:
    shown = judged_speed(0.3, running_seconds=running, gap_seconds=gap)
    assert shown == (0.3 if judged else None)


@pytest.mark.parametrize(
    ("sent", "failed", "expected"),
    [(0, 0, (0, 0)), (1, 0, (100, 0)), (0, 1, (0, 100)), (98, 2, (98, 2)), (2, 1, (66.67, 33.33))],
)
def test_rates_are_shares_of_what_was_tried(
    sent: int, failed: int, expected: tuple[float, float]
) -> None:
    assert rates(sent, failed) == expected
