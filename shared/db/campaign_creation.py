"""A new campaign with all its rows, in the caller's transaction and at COPY speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson
import psycopg
from psycopg import Connection

from shared.db import texts
from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.domain.doubts import AFTER_HOURS, DoubtPolicy
from shared.errors import InvalidTransition

_SQL = load_sql("campaign_creation.sql")

Executor = Literal["engine", "external"]


@dataclass(frozen=True, slots=True)
class NewContact:
    """A row to write: `body` is the final text (None: skipped for `reason`)."""

    position: int
    name: str
    phone: str
    variables: dict[str, str]
    body: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """Everything but the contacts; delays and gap in seconds.

    `executor` says who sends it, `reference` is the caller's own id for it.
    """

    public_id: str
    user_id: int
    name: str
    priority: int
    template: str
    image_url: str | None
    delay_min: float
    delay_max: float
    gap_seconds: float
    scheduled_at: datetime | None
    request_id: str | None
    instance_ids: Sequence[int]
    waiting_reason: str | None
    model: str | None = None  # writes the texts; None: the template is the text
    executor: Executor = "engine"
    reference: str | None = None
    doubt_policy: DoubtPolicy = "hold"
    doubt_after_hours: int = AFTER_HOURS


@dataclass(frozen=True, slots=True)
class CreatedCampaign:
    """What the database decided."""

    campaign_id: int
    status: str
    created_at: datetime


def create(
    conn: Connection[Row], tenant_id: int, campaign: NewCampaign, contacts: Sequence[NewContact]
) -> CreatedCampaign:
    """Campaign, contacts, messages, counters, pace, skip reasons and instances: all or nothing.

    Raises:
        InvalidTransition: the tenant has a campaign with this reference.
    """
    params = {name: getattr(campaign, name) for name in NewCampaign.__slots__}
    params["tenant_id"] = tenant_id
    params["instance_ids"] = list(campaign.instance_ids)
    try:
        row = conn.execute(_SQL["insert_campaign"], params).fetchone()
    except psycopg.errors.UniqueViolation as exc:
        raise InvalidTransition(
            f"Já existe uma campanha com o id {campaign.reference!r}.", code="campaign_exists"
        ) from exc
    assert row is not None  # noqa: S101  INSERT … RETURNING
    created = CreatedCampaign(*row)
    params["campaign_id"] = created.campaign_id
    params["total"] = len(contacts)
    params["skipped"] = sum(1 for contact in contacts if contact.reason is not None)
    _copy(conn, contacts)
    for name in ("contacts", "messages", "counters", "pace", "report", "errors", "instances"):
        conn.execute(_SQL[f"insert_{name}"], params)
    if campaign.model is not None:
        texts.insert_waiting(conn, tenant_id, created.campaign_id)
    conn.execute(_SQL["count_campaign"], params)
    return created


def queue_position(
    conn: Connection[Row],
    tenant_id: int,
    user_id: int,
    campaign_id: int,
    *,
    priority: int,
    running_campaigns: int,
) -> int | None:
    """1 = next to start; None while one of the user's running places is free."""
    params = {
        "tenant_id": tenant_id,
        "user_id": user_id,
        "campaign_id": campaign_id,
        "priority": priority,
        "running_campaigns": running_campaigns,
    }
    row = conn.execute(_SQL["queue_position"], params).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _copy(conn: Connection[Row], contacts: Sequence[NewContact]) -> None:
    conn.execute(_SQL["temp_table"])
    with conn.cursor() as cur, cur.copy(_SQL["copy"]) as copy:
        for contact in contacts:
            copy.write_row(
                (
                    contact.position,
                    contact.name,
                    contact.phone,
                    orjson.dumps(contact.variables).decode() if contact.variables else "{}",
                    contact.body,
                    contact.reason,
                )
            )
