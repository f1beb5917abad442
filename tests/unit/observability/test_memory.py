"""A process over its memory ceiling is asked to end, once."""

import threading

from shared.observability.memory import bound_memory, resident_mebibytes


def test_this_process_holds_some_memory() -> None:
    held = resident_mebibytes()
    assert held is None or 5 < held < 50_000


def test_over_the_ceiling_the_end_is_called_once() -> None:
    ended, held = threading.Event(), iter([100.0, 200.0, 301.0, 400.0])
    calls = []

    def end() -> None:
        calls.append(1)
        ended.set()

    bound_memory(300, end, measure=lambda: next(held), every_seconds=0.01)
    assert ended.wait(5)
    assert not ended.clear()
    assert not ended.wait(0.1)
    assert calls == [1]


def test_without_a_ceiling_nobody_watches() -> None:
    before = threading.active_count()
    bound_memory(0, lambda: None)
    assert threading.active_count() == before
