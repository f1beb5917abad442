"""The spec's health score of a campaign, 0 to 100, and the rates it is made of."""

from dataclasses import dataclass
from typing import Literal

Rating = Literal["excelente", "bom", "moderado", "ruim"]
#: Named after what was judged.
Deduction = Literal["error_rate", "success_rate", "messages_per_minute"]


@dataclass(frozen=True, slots=True)
class Health:
    """What the score looks at, not rounded: rates in percent, messages per minute (None: not
    judged)."""

    success_rate: float
    error_rate: float
    messages_per_minute: float | None
    completed: bool
    processed: int


def shares(sent: int, failed: int) -> tuple[float, float]:
    """Success and error rate in percent of what was tried; (0, 0) before the first outcome."""
    tried = sent + failed
    return (100 * sent / tried, 100 * failed / tried) if tried else (0.0, 0.0)


def rates(sent: int, failed: int) -> tuple[float, float]:
    """The same as they are shown: two decimals."""
    success, errors = shares(sent, failed)
    return round(success, 2), round(errors, 2)


def judged_speed(
    messages_per_minute: float, *, running_seconds: float | None, gap_seconds: float | None
) -> float | None:
    """The speed as far as it says something about health.

    Only while running, after the first minute, and where the campaign's own pause between messages
    would allow half a message a minute at all.
    """
    if running_seconds is None or running_seconds < 60:
        return None
    if gap_seconds is not None and gap_seconds > 120:
        return None
    return messages_per_minute


def health_score(health: Health) -> int:
    """The spec's formula; a campaign that has tried nothing scores 100."""
    score = 100 - sum(deductions(health).values())
    if health.completed and health.success_rate > 95:
        score += 10
    return max(0, min(100, score))


def deductions(health: Health) -> dict[Deduction, int]:
    """The points each thing costs; what costs none is left out."""
    if health.processed == 0 or health.success_rate + health.error_rate == 0:
        return {}
    slow = health.messages_per_minute is not None and health.messages_per_minute < 0.5
    costs: dict[Deduction, int] = {
        "error_rate": _error_penalty(health.error_rate),
        "success_rate": _success_penalty(health.success_rate),
        "messages_per_minute": 15 if slow else 0,
    }
    return {name: points for name, points in costs.items() if points > 0}


def rating(score: int) -> Rating:
    """The spec's reading of a score: excelente, bom, moderado, ruim."""
    if score >= 90:
        return "excelente"
    if score >= 70:
        return "bom"
    return "moderado" if score >= 50 else "ruim"


def _error_penalty(error_rate: float) -> int:
    if error_rate > 10:
        return 30
    if error_rate > 5:
        return 15
    return 5 if error_rate > 2 else 0


def _success_penalty(success_rate: float) -> int:
    if success_rate < 70:
        return 25
    return 10 if success_rate < 85 else 0
