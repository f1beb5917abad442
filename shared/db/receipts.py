"""Stored provider webhooks and what they change: receipts, replies, opt-outs, connections."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("receipts.sql")


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A stored webhook: `event` is Evolution's dotted name, `body` its `data`."""

    inbox_id: int
    tenant_id: int
    instance_id: int
    event: str
    body: Any
    tries: int
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Ack:
    """One receipt: rank 0 refused, 1 server, 2 delivered, 3 read."""

    instance_id: int
    provider_id: str
    rank: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A receipt that found its message. `news`: accepted, delivered, read or refused, where that
    was not known; the message was sent `age_seconds` ago (None: nobody knows when)."""

    tenant_id: int
    campaign_id: int
    instance_id: int
    provider_id: str
    news: str | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class ReceiptTotals:
    """How many messages of a campaign were delivered, read and answered by `at`; none ever fall."""

    tenant_id: int
    campaign_id: int
    public_id: str
    user_id: int
    delivered: int
    read: int
    replied: int
    at: datetime


def claim_inbox(conn: Connection[Row], *, limit: int) -> list[InboxEntry]:
    """Webhooks that are due, locked until the caller's transaction ends."""
    with conn.cursor(row_factory=class_row(InboxEntry)) as cur:
        return cur.execute(_SQL["claim_inbox"], {"limit": limit}).fetchall()


def settle_inbox(conn: Connection[Row], settled: Sequence[tuple[InboxEntry, str]]) -> None:
    """These are done, with an outcome: applied, known, ignored, unmatched."""
    params = {
        "tenant_ids": [entry.tenant_id for entry, _ in settled],
        "inbox_ids": [entry.inbox_id for entry, _ in settled],
        "outcomes": [outcome for _, outcome in settled],
    }
    conn.execute(_SQL["settle_inbox"], params)


def hold_inbox(conn: Connection[Row], held: Sequence[InboxEntry]) -> None:
    """Look at these again a little later."""
    params = {
        "tenant_ids": [entry.tenant_id for entry in held],
        "inbox_ids": [entry.inbox_id for entry in held],
    }
    conn.execute(_SQL["hold_inbox"], params)


def apply_receipts(conn: Connection[Row], acks: Sequence[Ack]) -> list[Heard]:
    """Raise messages to the ranks given; returns what matched, once each."""
    params = {
        "instance_ids": [ack.instance_id for ack in acks],
        "provider_ids": [ack.provider_id for ack in acks],
        "ranks": [ack.rank for ack in acks],
    }
    with conn.cursor(row_factory=class_row(Heard)) as cur:
        heard = cur.execute(_SQL["apply_receipts"], params).fetchall()
    if heard:
        conn.execute(
            _SQL["touch_instances"], {"instance_ids": sorted({h.instance_id for h in heard})}
        )
    return heard


def note_lids(conn: Connection[Row], seen: Sequence[tuple[int, str, str]]) -> None:
    """Remember LIDs that receipts tell: (instance id, provider id, JID that ends in `@lid`)."""
    if not seen:
        return
    params = {
        "instance_ids": [one[0] for one in seen],
        "provider_ids": [one[1] for one in seen],
        "jids": [one[2] for one in seen],
    }
    conn.execute(_SQL["note_lids"], params)


def remember_lid(conn: Connection[Row], tenant_id: int, lid: str, phone: str) -> None:
    """An event named somebody by both."""
    conn.execute(_SQL["remember_lid"], {"tenant_id": tenant_id, "lid": lid, "phone": phone})


def phone_of_lid(conn: Connection[Row], tenant_id: int, instance_id: int, jid: str) -> str | None:
    """Whose LID this is, where an event or a receipt of theirs told; None otherwise."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "jid": jid}
    row = conn.execute(_SQL["phone_of_lid"], params).fetchone()
    return None if row is None else str(row[0])


def record_reply(
    conn: Connection[Row], tenant_id: int, instance_id: int, phone: str
) -> tuple[int, int] | None:
    """Note the first answer to the newest message sent to this phone; its (tenant, campaign)."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "phone": phone}
    row = conn.execute(_SQL["record_reply"], params).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def receipt_totals(
    conn: Connection[Row], campaigns: Collection[tuple[int, int]]
) -> list[ReceiptTotals]:
    """Of campaigns given as (tenant id, campaign id)."""
    params = {
        "tenant_ids": list({tenant_id for tenant_id, _ in campaigns}),
        "campaign_ids": list({campaign_id for _, campaign_id in campaigns}),
    }
    with conn.cursor(row_factory=class_row(ReceiptTotals)) as cur:
        return cur.execute(_SQL["receipt_totals"], params).fetchall()


def note_connection(
    conn: Connection[Row],
    tenant_id: int,
    instance_id: int,
    *,
    reason: str | None,
    owner_phone: str | None,
) -> None:
    """A connection changed, perhaps some time ago: have its state asked for."""
    params = {
        "tenant_id": tenant_id,
        "instance_id": instance_id,
        "reason": reason,
        "owner_phone": owner_phone,
    }
    conn.execute(_SQL["note_connection"], params)
