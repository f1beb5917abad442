"""What a socket missed, from the rows."""

from typing import Any

from shared.db import events as stored_events
from shared.db.pool import Pool, tenant_transaction
from shared.events.models import client_events, iso


def load_events(
    pool: Pool, tenant_id: int, campaign_id: int, after_seq: int, *, limit: int
) -> list[dict[str, Any]]:
    """`[{seq, data, at}, …]` past `after_seq`, oldest first, without holes from the first one on.

    The caller compares the first number with `after_seq + 1`: a difference means it is no longer
    kept.
    """
    with tenant_transaction(pool, tenant_id) as conn:
        batches = stored_events.list_after(conn, tenant_id, campaign_id, after_seq, limit=limit)
        contacts = stored_events.named_contacts(conn, batches)
    return [
        {**event, "at": iso(batch.at)}
        for batch in batches
        for event in client_events(batch, contacts)
        if event["seq"] > after_seq
    ]
