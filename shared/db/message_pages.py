"""Messages of a campaign, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import like, load_sql

_SQL = load_sql("message_pages.sql")

_FEWEST_DIGITS: Final = 3  # fewer say nothing about a phone

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

#: What has happened to a message, whatever its status is by now.
MESSAGE_STAGES: Final = ("acked", "replied")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page is narrowed to, all of it together; None: no narrowing.

    `by_phone` False: a search looks at names only, for whom phones are masked.
    """

    statuses: Sequence[str] | None = None
    stages: Sequence[str] | None = None
    reason: str | None = None
    search: str | None = None
    by_phone: bool = True


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
    wanted: Wanted | None = None,
) -> list[MessageLine]:
    """Past position `after` (-1: from the start), in list order."""
    wanted = wanted or Wanted()
    digits = "".join(filter(str.isdigit, wanted.search or "")) if wanted.by_phone else ""
    params = {
        "tenant_id": tenant_id,
        "campaign_id": campaign_id,
        "after": after,
        "limit": limit,
        "statuses": None if wanted.statuses is None else list(wanted.statuses),
        "acked": "acked" in (wanted.stages or ()),
        "replied": "replied" in (wanted.stages or ()),
        "reason": wanted.reason,
        "pattern": None if wanted.search is None else f"%{like(wanted.search)}%",
        "phone_pattern": f"%{digits}%"
        if wanted.by_phone and len(digits) >= _FEWEST_DIGITS
        else None,
    }
    with conn.cursor(row_factory=class_row(MessageLine)) as cur:
        return cur.execute(_SQL["page"], params).fetchall()
