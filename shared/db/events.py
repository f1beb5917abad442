"""Campaign events: numbered where they happen, kept for replay, marked once published."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("events.sql")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """What one transaction caused for one campaign; `events` are `{seq, event, position?, …}`."""

    tenant_id: int
    campaign_id: int
    first_seq: int
    last_seq: int
    events: list[Event]
    at: datetime


@dataclass(frozen=True, slots=True)
class Audience:
    """The owner and the public name of a campaign, and the request that created it."""

    campaign_id: int
    public_id: str
    user_id: int
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class NamedContact:
    """Personal data of a contact, joined into an event when it is published."""

    campaign_id: int
    position: int
    name: str
    phone: str
    body: str | None


def append(
    conn: Connection[Row], tenant_id: int, campaign_id: int, events: Sequence[Event]
) -> StoredEvents:
    """Number and store events in the caller's transaction; publish the result after its commit."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id, "events": Jsonb(list(events))}
    with conn.cursor(row_factory=class_row(StoredEvents)) as cur:
        stored = cur.execute(_SQL["append"], params).fetchone()
    if stored is None:
        raise LookupError(f"campaign {campaign_id} has no counters")
    return stored


def list_after(
    conn: Connection[Row], tenant_id: int, campaign_id: int, after_seq: int, *, limit: int
) -> list[StoredEvents]:
    """What is still kept past `after_seq`, oldest first; at most `limit` transactions' worth."""
    params = {
        "tenant_id": tenant_id,
        "campaign_id": campaign_id,
        "after_seq": after_seq,
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(StoredEvents)) as cur:
        return cur.execute(_SQL["after"], params).fetchall()


def claim_unpublished(
    conn: Connection[Row], *, older_than_seconds: float, limit: int
) -> list[StoredEvents]:
    """Events left behind by a dead process, locked until the caller's transaction ends."""
    params = {"older_than_seconds": older_than_seconds, "limit": limit}
    with conn.cursor(row_factory=class_row(StoredEvents)) as cur:
        return cur.execute(_SQL["claim_unpublished"], params).fetchall()


def mark_published(conn: Connection[Row], published: Iterable[StoredEvents]) -> None:
    """Record that these left; the relay skips them from now on."""
    rows = list(published)
    conn.execute(
        _SQL["mark_published"],
        {
            "tenant_ids": [row.tenant_id for row in rows],
            "campaign_ids": [row.campaign_id for row in rows],
            "last_seqs": [row.last_seq for row in rows],
        },
    )


def audiences(conn: Connection[Row], stored: Sequence[StoredEvents]) -> dict[int, Audience]:
    """Audience by campaign id."""
    return audiences_of(conn, {(row.tenant_id, row.campaign_id) for row in stored})


def audiences_of(
    conn: Connection[Row], campaigns: Collection[tuple[int, int]]
) -> dict[int, Audience]:
    """The same of campaigns given as (tenant id, campaign id)."""
    params = {
        "tenant_ids": list({tenant_id for tenant_id, _ in campaigns}),
        "campaign_ids": list({campaign_id for _, campaign_id in campaigns}),
    }
    with conn.cursor(row_factory=class_row(Audience)) as cur:
        return {row.campaign_id: row for row in cur.execute(_SQL["audience"], params)}


def named_contacts(
    conn: Connection[Row], stored: Sequence[StoredEvents]
) -> dict[tuple[int, int], NamedContact]:
    """The contacts these events speak of, by (campaign id, position)."""
    keys = [
        (batch.tenant_id, batch.campaign_id, event["position"])
        for batch in stored
        for event in batch.events
        if "position" in event
    ]
    if not keys:
        return {}
    params = {
        "tenant_ids": [key[0] for key in keys],
        "campaign_ids": [key[1] for key in keys],
        "positions": [key[2] for key in keys],
    }
    with conn.cursor(row_factory=class_row(NamedContact)) as cur:
        rows = cur.execute(_SQL["named_contacts"], params).fetchall()
    return {(row.campaign_id, row.position): row for row in rows}
