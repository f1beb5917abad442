"""Texts that wait for a language model: taken a few at a time, stored once, before any attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("texts.sql")

_CAMPAIGNS_PER_LOOK = 1000

BY_MODEL = "model"
"""The outcome of a text the model wrote; any other is the reason why the template goes."""


@dataclass(frozen=True, slots=True)
class WaitingText:
    """A leased text with what writing it needs; `tries` counts this one, `tokens_spent` is the
    campaign's."""

    tenant_id: int
    campaign_id: int
    position: int
    lease_id: UUID
    tries: int
    tokens_spent: int
    model: str
    template: str
    name: str
    phone: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class SettledText:
    """What became of a leased text; `body` None keeps the rendered template."""

    text: WaitingText
    body: str | None
    outcome: str
    tokens: int


@dataclass(frozen=True, slots=True)
class TextProgress:
    """Texts of one campaign: still to be written, written by the model, tokens spent."""

    model: str
    waiting: int
    written: int
    tokens: int


def insert_waiting(conn: Connection[Row], tenant_id: int, campaign_id: int) -> None:
    """Have the pending messages of a new campaign wait for their texts."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    conn.execute(_SQL["insert_texts"], params)
    conn.execute(_SQL["insert_campaign_texts"], params)


def claim(
    conn: Connection[Row], *, limit: int, ahead_seconds: float, lease_seconds: float
) -> list[WaitingText]:
    """Lease the texts that will be needed next, at most `limit`."""
    params = {
        "limit": limit,
        "campaigns": _CAMPAIGNS_PER_LOOK,
        "ahead_seconds": ahead_seconds,
        "lease_seconds": lease_seconds,
    }
    with conn.cursor(row_factory=class_row(WaitingText)) as cur:
        return cur.execute(_SQL["claim"], params).fetchall()


def settle(conn: Connection[Row], settled: Sequence[SettledText]) -> int:
    """Store texts and make their messages due; those somebody else settled are left alone.

    Returns how many were stored.
    """
    params = {
        "tenant_ids": [one.text.tenant_id for one in settled],
        "campaign_ids": [one.text.campaign_id for one in settled],
        "positions": [one.text.position for one in settled],
        "lease_ids": [one.text.lease_id for one in settled],
        "bodies": [one.body for one in settled],
        "outcomes": [one.outcome for one in settled],
        "tokens": [one.tokens for one in settled],
    }
    row = conn.execute(_SQL["settle"], params).fetchone()
    return int(row[0]) if row else 0


def drop_waiting(conn: Connection[Row], tenant_id: int, campaign_id: int) -> None:
    """Write nothing more for this campaign; its messages are locked or moved before."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    conn.execute(_SQL["drop_waiting"], params)
    conn.execute(_SQL["nothing_waits"], params)


def find_progress(conn: Connection[Row], tenant_id: int, campaign_id: int) -> TextProgress | None:
    """None: the campaign has no model."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(TextProgress)) as cur:
        return cur.execute(_SQL["find_progress"], params).fetchone()
