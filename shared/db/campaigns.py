"""Campaigns as they are read, and the moves a person makes: pause, resume, cancel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import texts
from shared.db.campaign_creation import Executor
from shared.db.instances import NamedInstance
from shared.db.pool import Row
from shared.db.sql import like, load_sql
from shared.domain.doubts import DoubtPolicy
from shared.errors import InvalidTransition, NotFound

_SQL = load_sql("campaigns.sql")

MAX_ID = 2**63 - 1
_LONGEST_ID = 19  # digits


@dataclass(frozen=True, slots=True)
class UsedInstance(NamedInstance):
    """An instance of a campaign, and its breaker."""

    breaker_state: str
    errors_in_a_row: int
    times_opened: int
    opened_at: datetime | None
    open_until: datetime | None
    rest_reason: str | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign and its counters at `read_at`; `eta_seconds` and rates as of then."""

    campaign_id: int
    public_id: str
    user_id: int
    name: str
    status: str
    priority: int
    template: str
    image_url: str | None
    delay_min: float
    delay_max: float
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    executor: Executor
    reference: str | None
    model: str | None
    doubt_policy: DoubtPolicy
    doubt_after_hours: int
    total: int
    processed: int
    skipped: int
    sent: int
    delivered: int
    read: int
    replied: int
    failed: int
    in_doubt: int
    cancelled: int
    attempts: int
    seconds_sum: float
    seconds_min: float | None
    seconds_max: float | None
    timings: list[int]
    gap_seconds: float | None
    last_sent_at: datetime | None
    seq: int
    waiting_reason: str | None
    recent_per_second: float
    eta_seconds: int | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many contacts ended for one reason; `kind` is `failed` or `skipped`."""

    kind: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of campaigns is narrowed to; None: no narrowing."""

    statuses: Sequence[str] | None = None
    search: str | None = None
    before_id: int | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Messages cancelled now, and whether nothing is left in flight."""

    count: int
    finished: bool


def campaign_number(reference: str) -> int | None:
    """The numeric id in a reference; None where it is none."""
    short = len(reference) <= _LONGEST_ID and reference.isascii() and reference.isdigit()
    number = int(reference) if short else None
    return number if number is not None and number <= MAX_ID else None


def get_campaign(conn: Connection[Row], tenant_id: int, reference: str) -> Campaign:
    """By number, by `CAMP-…` or by the id its caller gave it.

    Raises:
        NotFound: unknown, or another tenant's.
    """
    params = {
        "tenant_id": tenant_id,
        "campaign_id": campaign_number(reference),
        "public_id": reference.upper(),
        "reference": reference,
    }
    with conn.cursor(row_factory=class_row(Campaign)) as cur:
        campaign = cur.execute(_SQL["find_campaign"], params).fetchone()
    if campaign is None:
        raise NotFound("Campanha não encontrada.", code="campaign_not_found")
    return campaign


def list_campaigns(
    conn: Connection[Row], tenant_id: int, filters: Filters, *, limit: int
) -> list[Campaign]:
    """Newest first."""
    params = {
        "tenant_id": tenant_id,
        "before_id": filters.before_id,
        "statuses": None if filters.statuses is None else list(filters.statuses),
        "pattern": None if filters.search is None else f"%{like(filters.search)}%",
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Campaign)) as cur:
        return cur.execute(_SQL["list_campaigns"], params).fetchall()


def list_reasons(conn: Connection[Row], tenant_id: int, campaign_id: int) -> list[ReasonCount]:
    """Failures and skips by code, most frequent first."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(ReasonCount)) as cur:
        return cur.execute(_SQL["errors"], params).fetchall()


def list_instances(conn: Connection[Row], tenant_id: int, campaign_id: int) -> list[UsedInstance]:
    """The numbers this campaign may be sent from."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(UsedInstance)) as cur:
        return cur.execute(_SQL["instances"], params).fetchall()


def pause(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> str:
    """Nothing begins after this commits; what is in flight ends by itself. Returns the status.

    Raises:
        InvalidTransition: it is not scheduled, pending or running.
    """
    status = _move(conn, tenant_id, campaign, "pause")
    conn.execute(_SQL["pause_pace"], _key(tenant_id, campaign))
    return status


def resume(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> str:
    """Back into the queue, before its time back to `scheduled`. Returns the status.

    Raises:
        InvalidTransition: it is not paused.
    """
    status = _move(conn, tenant_id, campaign, "resume")
    conn.execute(_SQL["resume_pace"], _key(tenant_id, campaign))
    return status


def cancel(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> Cancelled:
    """End it: open messages are cancelled; locks are campaign, messages by position, counters.

    Raises:
        InvalidTransition: it has ended.
    """
    _move(conn, tenant_id, campaign, "cancel")
    key = _key(tenant_id, campaign)
    moved = conn.execute(_SQL["cancel_messages"], key).fetchone()
    count = int(moved[0]) if moved else 0
    texts.drop_waiting(conn, tenant_id, campaign.campaign_id)
    counted = conn.execute(_SQL["count_cancelled"], {**key, "count": count}).fetchone()
    finished = bool(counted and counted[0])
    if finished:
        conn.execute(_SQL["finish_cancelled"], key)
    return Cancelled(count, finished)


def _move(
    conn: Connection[Row],
    tenant_id: int,
    campaign: Campaign,
    move: Literal["pause", "resume", "cancel"],
) -> str:
    key = _key(tenant_id, campaign)
    row = conn.execute(_SQL[move], key).fetchone()
    if row is not None:
        return str(row[0])
    after = get_campaign(conn, tenant_id, str(campaign.campaign_id))
    current = after.status
    if move == "resume" and after.waiting_reason == "restored":
        raise InvalidTransition(
            "O banco foi restaurado de um backup: quem opera precisa liberar a campanha.",
            code="campaign_restored",
        )
    raise InvalidTransition(
        f"A campanha está {current!r} e não aceita esta ação.", code=f"campaign_{current}"
    )


def _key(tenant_id: int, campaign: Campaign) -> dict[str, int]:
    return {"tenant_id": tenant_id, "campaign_id": campaign.campaign_id}
