"""Sends that WhatsApp does not confirm, for whoever reads the log."""

import time

from shared.db import circuits
from shared.db.pool import connection
from shared.observability.logging import get_logger
from worker.deps import Deps

log = get_logger(__name__)


class LaneStates:
    """Owned by one control process; looks at PostgreSQL every few seconds."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._silent: set[str] = set()

    def look(self, deps: Deps) -> None:
        """Log the first unconfirmed send of an instance."""
        knobs = deps.settings.sweep
        if time.monotonic() - self._looked_at < knobs.lanes_seconds:
            return
        self._looked_at = time.monotonic()
        with connection(deps.pool) as conn:
            lanes = circuits.list_states(conn, unconfirmed_after_seconds=knobs.unconfirmed_seconds)
        for lane in lanes:
            if lane.unconfirmed and lane.name not in self._silent:
                log.warning("sends_unconfirmed", instance=lane.name, count=lane.unconfirmed)
        self._silent = {lane.name for lane in lanes if lane.unconfirmed}
