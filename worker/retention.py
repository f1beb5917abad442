"""What is old goes: a bounded number of rows of each kind at a look, from any number of processes.

Nothing a promise needs is touched: attempts of doubts, open sends, unpublished events, unread
webhooks, suppressions, the audit log, counters.
"""

import contextlib
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.db import retention
from shared.db.pool import connection
from shared.db.retention import KINDS
from shared.observability.logging import get_logger
from worker.deps import Deps

log = get_logger(__name__)

_DAY_FILE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})-(error|warn|info|debug)\.log")


class Retention:
    """Looks now and then, at whatever pace it is called."""

    def __init__(self) -> None:
        self._next = 0.0

    def look(self, deps: Deps) -> int:
        """One bounded step of each kind when it is time; returns how many rows went."""
        knobs = deps.settings.retention
        if time.monotonic() < self._next:
            return 0
        gone = run_once(deps)
        # A full step means that there is more: it goes on at the next call.
        full = any(count >= knobs.batch_size for count in gone.values())
        self._next = time.monotonic() + (0 if full else knobs.every_seconds)
        return sum(gone.values())


def run_once(deps: Deps) -> dict[str, int]:
    """One step of each kind, each a transaction of its own; {kind: rows}."""
    knobs = deps.settings.retention
    gone: dict[str, int] = {}
    for kind in KINDS:
        days = knobs.days(kind)
        if days <= 0:  # kept for ever
            continue
        with connection(deps.pool) as conn:
            gone[kind] = retention.drop(conn, kind, days=days, limit=knobs.batch_size)
    gone["logs"] = drop_logs(deps.settings.log_dir, knobs.logs_days)
    if any(gone.values()):
        log.info("retention", **{kind: count for kind, count in gone.items() if count})
    return gone


def drop_logs(folder: Path, days: int, *, today: date | None = None) -> int:
    """Remove log files of this machine that are older than so many days; 0: none."""
    if days <= 0:
        return 0
    oldest = (today or datetime.now(UTC).date()) - timedelta(days=days)
    removed = 0
    with contextlib.suppress(OSError):
        for path in [*folder.glob("*.log"), *folder.glob("campaigns/CAMP-*.log")]:
            with contextlib.suppress(OSError):
                if _day_of(path) < oldest:
                    path.unlink()
                    removed += 1
    return removed


def _day_of(path: Path) -> date:
    """The day a file is of: by its name, else when it was last written."""
    named = _DAY_FILE.fullmatch(path.name)
    if named:
        return date.fromisoformat(named[1])
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
