import io

import pytest
from rich.console import Console

from deploy.campaign_feed import Update
from deploy.progress import BarView, LiveState, PlainView, duration, plain_line, progress_view

METRICS = {
    "status": "running", "total_contacts": 50, "processed_count": 20, "sent_count": 18,
    "error_count": 1, "skipped_count": 1, "in_doubt_count": 0, "messages_per_minute": 12,
    "estimated_seconds_remaining": 150,
}  # fmt: skip


def progress(position: int) -> Update:
    return Update("event", {"event": "progress", "currentPosition": position, "sent": position})


def state_of(**more: object) -> LiveState:
    state = LiveState(clock=lambda: 0.0)
    state.apply(Update("metrics", METRICS | more))
    return state


def test_a_line_says_everything() -> None:
    assert plain_line(state_of()) == (
        "40% 20/50 sent 18 failed 1 skipped 1 in doubt 0, 12.0/min, 2m 30s left"
    )
    assert plain_line(
        state_of(waiting_reason="breaker_open", estimated_seconds_remaining=None)
    ) == (
        "40% 20/50 sent 18 failed 1 skipped 1 in doubt 0, 12.0/min, time left unknown"
        " (waiting: the WhatsApp number rests after several errors in a row)"
    )


def test_a_replayed_progress_does_not_move_the_bar_back() -> None:
    state = state_of()
    state.apply(progress(15))
    assert state.processed == 20
    state.apply(progress(25))
    assert state.processed == 25


def test_single_messages_change_nothing() -> None:
    state = state_of()
    state.apply(Update("event", {"event": "message_error", "willRetry": True}))
    assert state.failed == 1


def test_plain_lines_come_at_most_once_a_second_and_the_last_always() -> None:
    console, now = Console(file=io.StringIO(), width=200), [0.0]
    view = PlainView(console, clock=lambda: now[0])
    state = state_of()
    for position, at in ((21, 0.0), (22, 0.5), (23, 1.1), (23, 2.5), (24, 2.6)):
        now[0] = at
        state.apply(progress(position))
        view.show(state)
    state.apply(Update("metrics", METRICS | {"status": "completed", "processed_count": 50}))
    view.show(state)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split()[1] for line in lines] == ["21/50", "23/50", "24/50", "50/50"]


def test_a_terminal_gets_a_bar() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, color_system=None)
    view = progress_view(console)
    assert isinstance(view, BarView)
    with view:
        view.show(state_of(waiting_reason="no_instance"))
    for part in (
        "40%",
        "20/50",
        "sent 18",
        "failed 1",
        "in doubt 0",
        "12.0/min",
        "left",
        "waiting",
    ):
        assert part in file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.4, "59s"), (60, "1m 00s"), (3900, "1h 05m")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
