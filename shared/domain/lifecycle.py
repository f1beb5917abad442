"""`data` of the events that tell of a campaign as a whole, for those who cause them."""

from datetime import datetime
from typing import Any, Protocol

from shared.domain.health_score import rates
from shared.domain.reasons import words


class Standing(Protocol):
    """Where a campaign stands as it begins to run."""

    @property
    def total(self) -> int: ...
    @property
    def processed(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def reasons(self) -> dict[str, int]: ...


class Counts(Protocol):
    """The counters of a campaign."""

    @property
    def total(self) -> int: ...
    @property
    def sent(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def in_doubt(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def cancelled(self) -> int: ...


def started(standing: Standing, *, gap_seconds: float, reopened: bool) -> dict[str, Any]:
    """`campaign_started`: each time it begins to run, also after a pause; `reopened` once it had
    been complete."""
    return {
        "event": "campaign_started",
        "totalContacts": standing.total,
        "validation": {
            "valid": standing.total - standing.skipped,
            "skipped": standing.skipped,
            "reasons": standing.reasons,
        },
        "estimated_seconds_remaining": round((standing.total - standing.processed) * gap_seconds),
        "reopened": reopened,
    }


def progress(
    counts: Counts, *, processed: int, estimated_seconds_remaining: float | None
) -> dict[str, Any]:
    """`progress`, as the verdicts' own statement writes it, at most 100 %."""
    share = round(min(100 * processed / counts.total, 100), 2)
    return {
        "event": "progress",
        "currentPosition": processed,
        "totalContacts": counts.total,
        "progressPercentage": int(share) if share == int(share) else share,
        "sent": counts.sent,
        "errors": counts.failed,
        "inDoubt": counts.in_doubt,
        "skipped": counts.skipped,
        "estimated_seconds_remaining": estimated_seconds_remaining,
    }


def complete(counts: Counts, *, status: str, duration_seconds: float) -> dict[str, Any]:
    """`campaign_complete`; `successRate` is the share of those sent or failed, in percent."""
    success, _ = rates(counts.sent, counts.failed)
    return {
        "event": "campaign_complete",
        "status": status,
        "totalContacts": counts.total,
        "totalSent": counts.sent,
        "totalErrors": counts.failed,
        "totalInDoubt": counts.in_doubt,
        "totalSkipped": counts.skipped,
        "totalCancelled": counts.cancelled,
        "successRate": success,
        "duration": round(duration_seconds, 1),
        "completedWithDoubts": counts.in_doubt > 0,
    }


def circuit(
    *,
    instance: str,
    is_open: bool,
    reason: str | None,
    open_until: datetime | None,
    errors_in_a_row: int,
) -> dict[str, Any]:
    """`circuit_open` with why and until when the number rests, or `circuit_closed`."""
    if not is_open:
        return {"event": "circuit_closed", "instance": instance}
    until = open_until.isoformat(timespec="milliseconds") if open_until else None
    return {
        "event": "circuit_open",
        "instance": instance,
        "reason": reason,
        "reasonText": words(reason) or None,
        "openUntil": until.replace("+00:00", "Z") if until else None,
        "errorsInARow": errors_in_a_row,
    }
