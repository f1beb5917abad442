"""How a campaign ended: counts that add up, and where to read more."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.api_client import ApiClient
from deploy.progress import duration, number, speed

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_NOT_ALL_SENT: Final = 3
EXIT_INTERRUPTED: Final = 130

_TOP_ERRORS: Final = 5
_REASONS: Final = {
    "empty_name": "without a name",
    "invalid_phone": "invalid phone",
    "duplicate": "same person twice",
    "already_sent": "reached already",
    "suppressed": "asked not to be written to",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A campaign's last numbers: the counts below `total` and `still_open` add up to it."""

    campaign_id: str
    name: str
    status: str
    total: int
    sent: int
    failed: int
    in_doubt: int
    skipped: int
    cancelled: int
    skipped_reasons: dict[str, int]
    top_errors: tuple[dict[str, Any], ...]
    duration_seconds: float | None
    messages_per_minute: float | None

    @property
    def still_open(self) -> int:
        """Contacts without an end; 0 once the campaign is over."""
        ended = self.sent + self.failed + self.in_doubt + self.skipped + self.cancelled
        return max(self.total - ended, 0)

    @property
    def success_rate(self) -> float | None:
        """Percent of what was tried and settled; None when nothing was."""
        tried = self.sent + self.failed
        return 100 * self.sent / tried if tried else None

    @property
    def exit_code(self) -> int:
        """0: every contact that could be written to was; 3: failures, doubts or a cancel."""
        missing = self.failed + self.in_doubt + self.cancelled + self.still_open
        whole = self.status == "completed" and not missing
        return EXIT_OK if whole else EXIT_NOT_ALL_SENT

    def as_json(self) -> dict[str, Any]:
        """Every field, plus `success_rate`."""
        return asdict(self) | {"success_rate": self.success_rate, "still_open": self.still_open}


def load_outcome(client: ApiClient, campaign_id: str) -> Outcome:
    """The outcome as the server has it now. Raises ApiError."""
    metrics = client.metrics(campaign_id)
    campaign = client.campaign(campaign_id)
    seconds = _duration(metrics, campaign)
    sent = _count(metrics, "sent_count")
    return Outcome(
        campaign_id=str(metrics.get("campaign_id") or campaign_id),
        name=str(campaign.get("name") or ""),
        status=str(metrics.get("status") or campaign.get("status") or ""),
        total=_count(metrics, "total_contacts"),
        sent=sent,
        failed=_count(metrics, "error_count"),
        in_doubt=_count(metrics, "in_doubt_count"),
        skipped=_count(metrics, "skipped_count"),
        cancelled=_count(metrics, "cancelled_count"),
        skipped_reasons=_counts(campaign.get("skipped_reasons")),
        top_errors=_top_errors(campaign.get("top_errors")),
        duration_seconds=seconds,
        messages_per_minute=60 * sent / seconds if seconds else None,
    )


def print_outcome(outcome: Outcome, console: Console, *, url: str) -> None:
    """The report: a table whose last line is the sum of the others, errors, where to go on."""
    title = f"{outcome.name} ({outcome.campaign_id})" if outcome.name else outcome.campaign_id
    console.print(f"\n[bold]{escape(title)}[/]: {outcome.status}")
    console.print(_counts_table(outcome))
    console.print(_pace_line(outcome), highlight=False)
    if outcome.top_errors:
        console.print(_errors_table(outcome.top_errors))
    api = f"{url}/api/campaigns/{outcome.campaign_id}"
    console.print(f"[dim]Details: GET {api}/export?format=csv", soft_wrap=True)


def _counts_table(outcome: Outcome) -> Table:
    table = Table("result", "contacts", show_edge=False, show_footer=True)
    table.columns[1].justify = "right"
    table.add_row("sent", str(outcome.sent), style="green")
    table.add_row("failed", str(outcome.failed), style="red" if outcome.failed else "dim")
    table.add_row("in doubt", str(outcome.in_doubt), style="yellow" if outcome.in_doubt else "dim")
    table.add_row("skipped", str(outcome.skipped), style="" if outcome.skipped else "dim")
    for reason, count in sorted(outcome.skipped_reasons.items()):
        table.add_row(f"  of these {reason_text(reason)}", f"({count})", style="dim")
    table.add_row("cancelled", str(outcome.cancelled), style="" if outcome.cancelled else "dim")
    if outcome.still_open:
        table.add_row("not ended yet", str(outcome.still_open))
    table.columns[0].footer = "total"
    table.columns[1].footer = str(outcome.total)
    return table


def _pace_line(outcome: Outcome) -> str:
    parts = [speed(outcome.messages_per_minute)]
    if outcome.duration_seconds is not None:
        parts.insert(0, f"in {duration(outcome.duration_seconds)}")
    if outcome.success_rate is not None:
        parts.append(f"success rate {outcome.success_rate:.1f}%")
    return " · ".join(parts)


def _errors_table(errors: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("error", "what it means", "contacts", show_edge=False)
    table.columns[2].justify = "right"
    for error in errors:
        code, message = escape(str(error["code"])), escape(str(error["message"]))
        table.add_row(code, message, str(error["count"]))
    return table


def reason_text(reason: str) -> str:
    """A skip reason in words."""
    return _REASONS.get(reason, reason)


def _top_errors(errors: object) -> tuple[dict[str, Any], ...]:
    """`{code, message, count}` each, whatever the server left out."""
    found = (
        [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    )
    return tuple(
        {
            "code": error.get("code") or "",
            "message": error.get("message") or error.get("error_message") or "",
            "count": _count(error, "count"),
        }
        for error in found[:_TOP_ERRORS]
    )


def _duration(metrics: Mapping[str, Any], campaign: Mapping[str, Any]) -> float | None:
    for source in (metrics, campaign):
        for key in ("duration_seconds", "duration"):
            if (seconds := number(source.get(key))) is not None:
                return seconds
    started = _instant(campaign, "started_at")
    ended = _instant(campaign, "completed_at") or _instant(campaign, "finished_at")
    return (ended - started).total_seconds() if started and ended else None


def _instant(source: Mapping[str, Any], key: str) -> datetime | None:
    try:
        return datetime.fromisoformat(str(source.get(key)))
    except ValueError:
        return None


def _counts(counts: object) -> dict[str, int]:
    if not isinstance(counts, dict):
        return {}
    return {str(key): int(count) for key, value in counts.items() if (count := number(value))}


def _count(source: Mapping[str, Any], key: str) -> int:
    return int(number(source.get(key)) or 0)
