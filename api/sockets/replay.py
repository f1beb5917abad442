"""The events of one campaign past a number, for gaps and for clients that come back."""

from typing import Any, Final

from api.sockets.turns import Database
from shared.events.replay import load_events

_PAGE: Final = 250  # transactions
_MOST_EVENTS: Final = 5000


def load_missed(
    database: Database, tenant_id: int, campaign_id: int, after_seq: int
) -> list[dict[str, Any]] | None:
    """All that is kept past `after_seq`, oldest first; None if it is more than 5,000 events."""
    missed: list[dict[str, Any]] = []
    while len(missed) <= _MOST_EVENTS:
        with database.turn() as pool:
            page = load_events(pool, tenant_id, campaign_id, after_seq, limit=_PAGE)
        if not page:
            return missed
        missed.extend(page)
        after_seq = page[-1]["seq"]
    return None
