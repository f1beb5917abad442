"""How long sends take, from counts by class: percentiles without keeping every duration."""

from collections.abc import Sequence
from typing import Final

#: Seconds; class n holds durations from bound n-1 up to bound n, the last class those above all.
#: The same numbers stand in the database as `timing_bounds()`.
# fmt: off
BOUNDS: Final[tuple[float, ...]] = (
    0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5,
    10, 15, 20, 30, 45, 60, 75,
)
# fmt: on


def percentile(
    counts: Sequence[int], share: float, *, low: float | None, high: float | None
) -> float | None:
    """Seconds that `share` (0 to 1) of the durations do not pass; None where there is none.

    Linear inside a class; `low` and `high` are the shortest and longest duration seen.
    """
    total = sum(counts)
    if total == 0 or low is None or high is None:
        return None
    wanted = share * total
    for number, count in enumerate(counts):
        if count and wanted <= count:
            floor = BOUNDS[number - 1] if number else 0.0
            ceiling = BOUNDS[number] if number < len(BOUNDS) else high
            inside = floor + (ceiling - floor) * wanted / count
            return min(max(inside, low), high)
        wanted -= count
    return high
