"""Operations that took too long: a `slow_operation` line (WARN) that names them, never a flood.

with timed("request", "POST /api/campaigns", status=201): …
note_duration("provider", "send", seconds, campaign_id=…)
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from shared.observability.logging import get_logger, slow_limits

log = get_logger(__name__)

Kind = Literal["request", "provider", "statement", "job"]

_REMEMBERED: Final = 500  # operations


class _Told:
    """When each operation was last told of, and how many have been kept quiet since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._operations: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def ask(self, operation: str, quiet_seconds: float) -> int | None:
        """How many went untold since the last line; None if it is too early for another."""
        now = time.monotonic()
        with self._lock:
            told_at, untold = self._operations.pop(operation, (None, 0))
            if told_at is not None and now - told_at < quiet_seconds:
                self._operations[operation] = (told_at, untold + 1)
                return None
            self._operations[operation] = (now, 0)
            if len(self._operations) > _REMEMBERED:
                self._operations.popitem(last=False)
            return untold


_told = _Told()


def note_duration(kind: Kind, operation: str, seconds: float, **fields: Any) -> None:
    """Log `operation` if it took longer than its kind may; at most once in a while each.

    `request_id` comes from the log context where one is bound. `untold` counts the slow ones of
    the same name since the line before.
    """
    limits = slow_limits()
    if seconds < getattr(limits, f"{kind}_seconds"):
        return
    untold = _told.ask(operation, limits.quiet_seconds)
    if untold is not None:
        log.warning(
            "slow_operation",
            operation=operation,
            kind=kind,
            seconds=round(seconds, 3),
            untold=untold,
            **fields,
        )


@contextmanager
def timed(kind: Kind, operation: str, **fields: Any) -> Iterator[None]:
    """`note_duration` of the block, also of one that raises."""
    began = time.monotonic()
    try:
        yield
    finally:
        note_duration(kind, operation, time.monotonic() - began, **fields)
