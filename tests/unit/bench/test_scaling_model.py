"""The growth model against cases whose answer is known without it."""

import pytest

from bench.scaling_model import Writer, day, group_commit

_FREE = Writer(0.0, 0.0)


def test_without_writers_calls_at_once_over_latency_is_the_rate() -> None:
    result = group_commit(
        calls=100, latency_seconds=0.3, begin=_FREE, verdict=_FREE, messages=10_000
    )
    assert result.per_second == pytest.approx(100 / 0.3, rel=0.02)
    assert result.waiting_seconds == 0


def test_a_saturated_writer_is_the_limit_and_its_commits_grow() -> None:
    slow = Writer(0.010, 0.001)
    few = group_commit(calls=10, latency_seconds=0.0, begin=_FREE, verdict=slow, messages=5_000)
    many = group_commit(
        calls=1_000, latency_seconds=0.0, begin=_FREE, verdict=slow, messages=50_000
    )
    assert few.per_second < many.per_second <= 1 / 0.001
    assert many.begun_at_once > few.begun_at_once


def test_a_slower_disk_costs_waiting_but_little_rate_while_the_provider_is_slower() -> None:
    def at(commit_seconds: float) -> float:
        writer = Writer(commit_seconds, 0.0001)
        return group_commit(
            calls=100, latency_seconds=0.3, begin=writer, verdict=writer, messages=5_000
        ).per_second

    assert at(0.010) > 0.85 * at(0.001)


def test_a_day_within_the_capacity_leaves_nothing_waiting() -> None:
    result = day(messages=1_000_000, capacity_per_second=100)
    assert result.most_waiting == 0
    assert result.busiest_share == pytest.approx(result.peak_per_second / 100)


def test_what_waited_through_an_outage_is_sent_afterwards_with_what_is_left_of_the_capacity() -> (
    None
):
    spare = day(messages=1_000_000, capacity_per_second=100, outage_hours=(10, 11))
    tight = day(messages=1_000_000, capacity_per_second=30, outage_hours=(10, 11))
    assert spare.most_waiting == pytest.approx(1_000_000 * 10 / 100, rel=0.01)
    assert 0 < spare.drained_after_seconds < tight.drained_after_seconds


def test_more_than_a_day_can_send_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        day(messages=1e9, capacity_per_second=100)
