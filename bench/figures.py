"""Several runs in one figure, and figures as people read them."""

import statistics
from collections.abc import Sequence

from bench.scenario import Cell, Spread


def spread(values: Sequence[float]) -> Spread:
    """min, median and max of several runs."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def at_least(value: float, bar: float) -> str:
    """`≥ 2000: yes`, against a figure that should be reached."""
    return f"≥ {_short(bar)}: {'yes' if value >= bar else 'no'}"


def at_most(value: float, bar: float) -> str:
    """`≤ 0.8: yes`, against a figure that should not be passed."""
    return f"≤ {_short(bar)}: {'yes' if value <= bar else 'no'}"


def shown(cell: Cell) -> str:
    """A table's cell: `1,311 (1,290–1,320)` for a spread, `–` for nothing."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, dict):
        if cell["min"] == cell["max"]:
            return _short(cell["median"])
        return f"{_short(cell['median'])} ({_short(cell['min'])}–{_short(cell['max'])})"
    return _short(cell)


def _short(value: float) -> str:
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
