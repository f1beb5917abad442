"""Percentiles from counts by class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.timing import BOUNDS, percentile


def counts_of(durations: list[float]) -> list[int]:
    counts = [0] * (len(BOUNDS) + 1)
    for seconds in durations:
        counts[sum(seconds >= bound for bound in BOUNDS)] += 1
    return counts


def test_no_sends_have_no_percentile() -> None:
    assert percentile([], 0.5, low=None, high=None) is None
    assert percentile([0] * 27, 0.5, low=None, high=None) is None


def test_one_send_is_every_percentile() -> None:
    counts = counts_of([1.2])
    assert percentile(counts, 0.5, low=1.2, high=1.2) == pytest.approx(1.2)
    assert percentile(counts, 0.95, low=1.2, high=1.2) == pytest.approx(1.2)


def test_the_slow_twentieth_shows_in_p95_and_not_in_p50() -> None:
    counts = counts_of([0.25] * 90 + [12.0] * 10)
    middle = percentile(counts, 0.5, low=0.25, high=12.0)
    slow = percentile(counts, 0.95, low=0.25, high=12.0)
    assert middle is not None
    assert slow is not None
    assert 0.2 <= middle <= 0.3
    assert 10 <= slow <= 12


@given(st.lists(st.floats(0.001, 80), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_percentile_lies_in_the_class_of_the_true_one(
    durations: list[float], share: float
) -> None:
    ranked = sorted(durations)
    true = ranked[max(0, min(len(ranked) - 1, -int(-share * len(ranked) // 1) - 1))]
    number = sum(true >= bound for bound in BOUNDS)
    found = percentile(counts_of(durations), share, low=ranked[0], high=ranked[-1])
    assert found is not None
    floor = BOUNDS[number - 1] if number else 0.0
    ceiling = BOUNDS[number] if number < len(BOUNDS) else 80.0
    assert floor - 1e-9 <= found <= ceiling + 1e-9
    assert ranked[0] <= found <= ranked[-1]
