"""Events of one campaign leave in the order of their numbers, each once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.sockets.ordering import Sequencer


def events(first: int, last: int) -> list[dict[str, Any]]:
    return [{"seq": seq, "data": {}, "at": ""} for seq in range(first, last + 1)]


def numbers(ready: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in ready]


def test_an_early_batch_waits_for_the_one_before() -> None:
    order = Sequencer(9)
    assert numbers(order.push(events(12, 14), 1.0)) == []
    assert order.waiting_since == 1.0
    assert numbers(order.push(events(10, 11), 1.1)) == [10, 11, 12, 13, 14]
    assert order.waiting_since is None


def test_a_batch_that_comes_twice_leaves_once() -> None:
    order = Sequencer(0)
    assert numbers(order.push(events(1, 3), 0.0)) == [1, 2, 3]
    assert numbers(order.push(events(1, 3), 0.0)) == []
    assert numbers(order.push(events(2, 5), 0.0)) == [4, 5]


def test_what_comes_before_the_snapshot_is_held_and_what_it_holds_is_dropped() -> None:
    order = Sequencer()
    assert order.push(events(5, 8), 0.0) == []
    assert numbers(order.start(6, 0.0)) == [7, 8]


def test_a_gap_is_filled_from_the_database() -> None:
    order = Sequencer(2)
    order.push(events(6, 7), 0.0)
    assert numbers(order.fill(events(3, 7), 1.0)) == [3, 4, 5, 6, 7]
    assert order.waiting_since is None


def test_numbers_that_are_gone_are_passed_over() -> None:
    order = Sequencer(2)
    order.push(events(9, 9), 0.0)
    assert numbers(order.fill(events(5, 8), 1.0)) == [5, 6, 7, 8, 9]


def test_a_long_gap_is_held_within_bounds() -> None:
    order = Sequencer(0)
    order.push(events(2, 20_000), 0.0)
    assert len(order._held) <= 2000
    assert order.waiting_since is not None
    assert numbers(order.fill(events(1, 20_000), 1.0)) == list(range(1, 20_001))


@given(st.permutations([(1, 3), (4, 4), (5, 9), (10, 12)]), st.lists(st.integers(0, 3), max_size=4))
def test_any_order_and_repetition_gives_each_number_once(
    batches: list[tuple[int, int]], repeats: list[int]
) -> None:
    order = Sequencer(0)
    seen: list[int] = []
    for first, last in [*batches, *(batches[n] for n in repeats)]:
        seen += numbers(order.push(events(first, last), 0.0))
    assert seen == list(range(1, 13))
