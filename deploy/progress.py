"""A campaign under way, shown: a bar that lives in a terminal, plain lines anywhere else."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.campaign_feed import Update

OVER: Final = frozenset({"completed", "cancelled", "failed"})
_PLAIN_SECONDS: Final = 1.0

#: What the wait is for, in words; an unknown reason is shown as it is.
_WAITS: Final = {
    "no_instance": "no WhatsApp number is connected (rapidflow instance adopt)",
    "instance_offline": "the WhatsApp number is offline",
    "instance_paused": "the WhatsApp number was paused by a person",
    "breaker_open": "the WhatsApp number rests after several errors in a row",
    "user_campaign_limit": "as many campaigns as the plan allows are running",
    "scheduled": "it is scheduled for later",
}


@dataclass(slots=True)
class LiveState:
    """The last whole picture of a campaign."""

    clock: Callable[[], float] = time.monotonic
    status: str = "pending"
    total: int = 0
    processed: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    in_doubt: int = 0
    cancelled: int = 0
    per_minute: float | None = None
    waiting: str = ""
    trouble: str = ""
    _ends_at: float | None = None

    @property
    def over(self) -> bool:
        return self.status in OVER

    @property
    def percent(self) -> float:
        return 100 * self.processed / self.total if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        return None if self._ends_at is None else max(self._ends_at - self.clock(), 0.0)

    def apply(self, update: Update) -> None:
        """Take in one update; `message_*` events change nothing (metrics follow them)."""
        if update.kind == "trouble":
            self.trouble = str(update.body["reason"])
        elif update.kind == "metrics":
            self._apply_metrics(update.body)
        elif update.body["event"] == "progress":
            self._apply_progress(update.body)

    def _apply_metrics(self, metrics: dict[str, Any]) -> None:
        self.trouble = ""
        self.status = str(metrics.get("status") or self.status)
        self.total = _count(metrics, "total_contacts", self.total)
        self.processed = _count(metrics, "processed_count", self.processed)
        self.sent = _count(metrics, "sent_count", self.sent)
        self.failed = _count(metrics, "error_count", self.failed)
        self.skipped = _count(metrics, "skipped_count", self.skipped)
        self.in_doubt = _count(metrics, "in_doubt_count", self.in_doubt)
        self.cancelled = _count(metrics, "cancelled_count", self.cancelled)
        self.per_minute = number(metrics.get("messages_per_minute"))
        self.waiting = str(metrics.get("waiting_reason") or "")
        self._set_eta(metrics)

    def _apply_progress(self, event: dict[str, Any]) -> None:
        position = _count(event, "currentPosition", 0)
        if position < self.processed:
            return  # replayed: the metrics are past it
        self.trouble = ""
        self.processed = position
        self.total = _count(event, "totalContacts", self.total)
        self.sent = _count(event, "sent", self.sent)
        self.failed = _count(event, "errors", self.failed)
        self.skipped = _count(event, "skipped", self.skipped)
        self.in_doubt = _count(event, "inDoubt", self.in_doubt)
        self._set_eta(event)

    def _set_eta(self, source: dict[str, Any]) -> None:
        seconds = number(source.get("estimated_seconds_remaining"))
        self._ends_at = None if seconds is None else self.clock() + seconds


class ProgressView(Protocol):
    """Where a campaign under way is shown."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def show(self, state: LiveState) -> None: ...


def progress_view(console: Console) -> ProgressView:
    """The view that suits the console."""
    return BarView(console) if console.is_terminal else PlainView(console)


class BarView:
    """Percent, counts, speed, time left and what is waited for, on two living lines."""

    def __init__(self, console: Console) -> None:
        self._state = LiveState()
        self._started = time.monotonic()
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, state: LiveState) -> None:
        self._state = state
        if state.over:
            self._live.refresh()

    def _render(self) -> RenderableType:
        state = self._state
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column(ratio=1)
        for _ in range(3):
            bar.add_column(justify="right", no_wrap=True)
        bar.add_row(
            ProgressBar(total=max(state.total, 1), completed=state.processed),
            f"[bold]{state.percent:.0f}%",
            f"{state.processed}/{state.total}",
            f"[dim]{duration(time.monotonic() - self._started)}",
        )
        counts = Text.from_markup(
            f"[green]sent {state.sent}[/] · [red]failed {state.failed}[/] · "
            f"skipped {state.skipped} · [yellow]in doubt {state.in_doubt}[/] · "
            f"{speed(state.per_minute)} · {_time_left(state)}"
        )
        lines: list[RenderableType] = [bar, counts]
        if wait := waiting(state):
            lines.append(Text(wait, style="yellow"))
        return Group(*lines)


class PlainView:
    """One line whenever something changed, at most one a second; the last one always."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._last = ""
        self._at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, state: LiveState) -> None:
        key = plain_line(state, eta=False)
        if key == self._last or (self._clock() - self._at < _PLAIN_SECONDS and not state.over):
            return
        self._last, self._at = key, self._clock()
        self._console.print(plain_line(state), markup=False, highlight=False, soft_wrap=True)


def plain_line(state: LiveState, *, eta: bool = True) -> str:
    """`40% 20/50 sent 18 failed 1 skipped 1 in doubt 0, 12.0/min, 2m 30s left`."""
    line = (
        f"{state.percent:.0f}% {state.processed}/{state.total} sent {state.sent}"
        f" failed {state.failed} skipped {state.skipped} in doubt {state.in_doubt}"
    )
    if eta:
        line += f", {speed(state.per_minute)}, {_time_left(state)}"
    wait = waiting(state)
    return f"{line} ({wait})" if wait else line


def waiting(state: LiveState) -> str:
    """Why nothing moves right now, or nothing."""
    if state.trouble:
        return f"{state.trouble}: trying again"
    if state.over:
        return ""
    if "paused" in (state.status, state.waiting):
        return "paused"
    return f"waiting: {_WAITS.get(state.waiting, state.waiting)}" if state.waiting else ""


def speed(per_minute: float | None) -> str:
    """`12.0/min`, or `–/min` while unknown."""
    return "–/min" if per_minute is None else f"{per_minute:.1f}/min"


def duration(seconds: float) -> str:
    """`2m 30s`, `1h 05m`, `45s`."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {whole % 60:02d}s" if minutes else f"{whole}s"


def number(value: object) -> float | None:
    """A JSON number, or None for anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _count(source: dict[str, Any], key: str, default: int) -> int:
    value = number(source.get(key))
    return default if value is None else int(value)


def _time_left(state: LiveState) -> str:
    left = state.seconds_left
    if state.over:
        return state.status
    return "time left unknown" if left is None else f"{duration(left)} left"
