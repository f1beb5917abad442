"""How finely sends over time are shown."""

from typing import Final

_STEPS: Final = (5, 10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400)
_MOST_POINTS: Final = 120


def bucket_seconds(span_seconds: float) -> int:
    """The finest step that shows `span_seconds` in at most 120 points."""
    for step in _STEPS:
        if span_seconds / step <= _MOST_POINTS:
            return step
    return _STEPS[-1]
