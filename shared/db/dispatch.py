"""Who may send now, in which slots: starts campaigns, leases messages and lanes, ends campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.circuits import Circuit
from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("dispatch.sql")

CampaignKey = tuple[int, int]
"""(tenant id, campaign id)"""


@dataclass(frozen=True, slots=True)
class StartedCampaign:
    """A campaign that has just begun to run."""

    tenant_id: int
    campaign_id: int
    public_id: str
    request_id: str | None
    delay_min: float
    delay_max: float
    messages_per_second: float
    burst_per_second: int
    reopened: bool


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a campaign stands as it begins to run; `reasons` counts its skips by code."""

    tenant_id: int
    campaign_id: int
    total: int
    processed: int
    skipped: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class FreeLane:
    """An instance nobody sends on now, locked by this transaction."""

    tenant_id: int
    instance_id: int
    breaker_state: str


@dataclass(frozen=True, slots=True)
class DueCampaign:
    """A running campaign with something to do; `first_slot` in seconds from now."""

    tenant_id: int
    campaign_id: int
    first_slot: float
    delay_min: float
    delay_max: float
    messages_per_second: float
    burst_per_second: int
    lanes: list[int]


@dataclass(frozen=True, slots=True)
class WantedSlot:
    """Slot number `rank` (from 1) of a campaign, on one lane, `wait_seconds` from now."""

    tenant_id: int
    campaign_id: int
    rank: int
    instance_id: int
    lease_id: UUID
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that got a slot."""

    tenant_id: int
    campaign_id: int
    position: int
    instance_id: int
    lease_id: UUID
    rank: int


@dataclass(frozen=True, slots=True)
class LoadedLane:
    """A lane as its worker sees it; `token` is sealed for (instances, token, tenant, public id)."""

    tenant_id: int
    instance_id: int
    public_id: str
    name: str
    token: bytes
    breaker_state: str
    errors_in_a_row: int
    times_opened: int
    in_flight_per_instance: int


@dataclass(frozen=True, slots=True)
class FreedLane:
    """A lane given back, with its breaker."""

    instance_id: int
    lease_id: UUID
    state: str
    errors_in_a_row: int
    times_opened: int
    rest_seconds: float
    reason: str | None


def assign_default_instances(conn: Connection[Row]) -> int:
    """Give campaigns that name no instance their tenant's first connected one."""
    return conn.execute(_SQL["assign_default_instance"]).rowcount


def start_campaigns(conn: Connection[Row]) -> list[StartedCampaign]:
    """Start what may start, by priority then age, within each user's limit."""
    owners = [row[0] for row in conn.execute(_SQL["lock_owners"])]
    if not owners:
        return []
    with conn.cursor(row_factory=class_row(StartedCampaign)) as cur:
        return cur.execute(_SQL["start_campaigns"], {"user_ids": owners}).fetchall()


def prepare_started(
    conn: Connection[Row], started: Sequence[tuple[StartedCampaign, float]]
) -> dict[CampaignKey, Beginning]:
    """Set pace and expected gap (seconds) of started campaigns, and say where each stands."""
    started = sorted(started, key=lambda one: one[0].campaign_id)  # counters are locked in order
    params = {
        "tenant_ids": [campaign.tenant_id for campaign, _ in started],
        "campaign_ids": [campaign.campaign_id for campaign, _ in started],
        "gaps": [gap for _, gap in started],
    }
    with conn.cursor(row_factory=class_row(Beginning)) as cur:
        rows = cur.execute(_SQL["prepare_started"], params)
        return {(row.tenant_id, row.campaign_id): row for row in rows}


def explain_waiting(conn: Connection[Row]) -> int:
    """Write down why campaigns wait; returns how many reasons changed."""
    return conn.execute(_SQL["explain_waiting"]).rowcount


def lock_lanes(conn: Connection[Row], *, limit: int) -> list[FreeLane]:
    """Lanes that may take work, locked."""
    with conn.cursor(row_factory=class_row(FreeLane)) as cur:
        return cur.execute(_SQL["lock_lanes"], {"limit": limit}).fetchall()


def lock_due_campaigns(
    conn: Connection[Row], instance_ids: Sequence[int], *, limit: int
) -> list[DueCampaign]:
    """Campaigns with something to do on these lanes, locked, longest unserved first."""
    params = {"instance_ids": list(instance_ids), "limit": limit}
    with conn.cursor(row_factory=class_row(DueCampaign)) as cur:
        return cur.execute(_SQL["lock_due_campaigns"], params).fetchall()


def claim(
    conn: Connection[Row],
    slots: Sequence[WantedSlot],
    *,
    lookahead_seconds: float,
    lease_seconds: float,
) -> list[ClaimedMessage]:
    """Lease one due message per slot; slots for which there is none stay empty."""
    params = {
        "tenant_ids": [slot.tenant_id for slot in slots],
        "campaign_ids": [slot.campaign_id for slot in slots],
        "ranks": [slot.rank for slot in slots],
        "instance_ids": [slot.instance_id for slot in slots],
        "lease_ids": [slot.lease_id for slot in slots],
        "waits": [slot.wait_seconds for slot in slots],
        "lookahead_seconds": lookahead_seconds,
        "lease_seconds": lease_seconds,
    }
    with conn.cursor(row_factory=class_row(ClaimedMessage)) as cur:
        return cur.execute(_SQL["claim"], params).fetchall()


def advance_pace(
    conn: Connection[Row], rows: Sequence[tuple[CampaignKey, float | None, float]]
) -> None:
    """Per campaign: seconds to its next free slot (None: unchanged) and until it is looked at."""
    conn.execute(
        _SQL["advance_pace"],
        {
            "tenant_ids": [key[0] for key, _, _ in rows],
            "campaign_ids": [key[1] for key, _, _ in rows],
            "slots": [slot for _, slot, _ in rows],
            "dues": [due for _, _, due in rows],
        },
    )


def take_lanes(
    conn: Connection[Row], taken: Sequence[tuple[int, UUID]], *, lease_seconds: float
) -> None:
    """Bind lanes to the lease of their batch."""
    params = {
        "instance_ids": [instance_id for instance_id, _ in taken],
        "lease_ids": [lease_id for _, lease_id in taken],
        "lease_seconds": lease_seconds,
    }
    conn.execute(_SQL["take_lanes"], params)


def load_lanes(
    conn: Connection[Row], instance_ids: Sequence[int], lease_id: UUID
) -> list[LoadedLane]:
    """The lanes this lease still owns."""
    params = {"instance_ids": list(instance_ids), "lease_id": lease_id}
    with conn.cursor(row_factory=class_row(LoadedLane)) as cur:
        return cur.execute(_SQL["load_lanes"], params).fetchall()


def keep_lanes(
    conn: Connection[Row], kept: Sequence[tuple[int, UUID]], *, lease_seconds: float
) -> None:
    """Go on holding lanes whose batch is still under way: (instance id, lease id)."""
    params = {
        "instance_ids": [instance_id for instance_id, _ in kept],
        "lease_ids": [lease_id for _, lease_id in kept],
        "lease_seconds": lease_seconds,
    }
    conn.execute(_SQL["keep_lanes"], params)


def is_untaken(conn: Connection[Row], *, for_seconds: float) -> bool:
    """Whether a batch was given out at least so long ago, and no worker has taken it."""
    row = conn.execute(_SQL["untaken"], {"for_seconds": for_seconds}).fetchone()
    return row is not None and bool(row[0])


def free_lanes(conn: Connection[Row], lanes: Sequence[FreedLane]) -> list[Circuit]:
    """Give lanes back; returns the breakers that opened or closed."""
    params = {
        "instance_ids": [lane.instance_id for lane in lanes],
        "lease_ids": [lane.lease_id for lane in lanes],
        "states": [lane.state for lane in lanes],
        "errors": [lane.errors_in_a_row for lane in lanes],
        "opened": [lane.times_opened for lane in lanes],
        "rests": [lane.rest_seconds for lane in lanes],
        "reasons": [lane.reason for lane in lanes],
    }
    with conn.cursor(row_factory=class_row(Circuit)) as cur:
        return cur.execute(_SQL["free_lanes"], params).fetchall()


def delay_pace(conn: Connection[Row], late: Sequence[tuple[CampaignKey, float]]) -> None:
    """Keep the distance to what was really sent: seconds from now of the next slot, at least."""
    params = {
        "tenant_ids": [key[0] for key, _ in late],
        "campaign_ids": [key[1] for key, _ in late],
        "seconds": [seconds for _, seconds in late],
    }
    conn.execute(_SQL["delay_pace"], params)


def list_over(conn: Connection[Row], *, limit: int) -> list[CampaignKey]:
    """Campaigns that are over and have not been ended."""
    rows = conn.execute(_SQL["list_over"], {"limit": limit}).fetchall()
    return [(tenant_id, campaign_id) for tenant_id, campaign_id in rows]
