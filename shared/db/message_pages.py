"""Messages of a campaign, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("message_pages.sql")

MESSAGE_STATUSES: Final = (
    "pending",
    "leased",
    "sending",
    "sent",
    "delivered",
    "read",
    "failed",
    "in_doubt",
    "cancelled",
    "skipped",
)


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One contact's message as it stands; `phone` in full."""

    position: int
    name: str
    phone: str
    body: str | None
    status: str
    reason: str | None
    detail: str | None
    attempts: int
    due_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    replied_at: datetime | None
    provider_id: str | None
    duplicate_suspected: bool
    instance: str | None


def list_page(
    conn: Connection[Row],
    tenant_id: int,
    campaign_id: int,
    *,
    after: int,
    limit: int,
    statuses: Sequence[str] | None = None,
) -> list[MessageLine]:
    """Past position `after` (-1: from the start), in list order."""
    params = {
        "tenant_id": tenant_id,
        "campaign_id": campaign_id,
        "after": after,
        "limit": limit,
        "statuses": None if statuses is None else list(statuses),
    }
    with conn.cursor(row_factory=class_row(MessageLine)) as cur:
        return cur.execute(_SQL["page"], params).fetchall()
