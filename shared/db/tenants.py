"""Tenants and their plans. Creating and changing them is the engine role's (command line)."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.errors import InvalidTransition, NotFound

_SQL = load_sql("tenants.sql")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer."""

    tenant_id: int
    name: str
    time_zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of a tenant."""

    tenant_id: int
    running_campaigns: int
    messages_per_second: float
    burst_per_second: int
    requests_per_minute: int
    in_flight_per_instance: int
    foreign_numbers: bool


@dataclass(frozen=True, slots=True)
class PlanChange:
    """None leaves a limit as it is."""

    running_campaigns: int | None = None
    messages_per_second: float | None = None
    burst_per_second: int | None = None
    requests_per_minute: int | None = None
    in_flight_per_instance: int | None = None
    foreign_numbers: bool | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a new campaign takes from its tenant."""

    default_message: str
    foreign_numbers: bool
    messages_per_second: float
    running_campaigns: int


def create_tenant(conn: Connection[Row], name: str) -> Tenant:
    """A tenant with the default plan.

    Raises:
        InvalidTransition: the name is taken.
    """
    try:
        with conn.cursor(row_factory=class_row(Tenant)) as cur:
            tenant = cur.execute(_SQL["insert_tenant"], {"name": name}).fetchone()
    except psycopg.errors.UniqueViolation as exc:
        raise InvalidTransition(f"tenant {name!r} already exists", code="tenant_exists") from exc
    assert tenant is not None  # noqa: S101  INSERT … RETURNING
    conn.execute(_SQL["insert_plan"], {"tenant_id": tenant.tenant_id})
    return tenant


def find_tenant(conn: Connection[Row], name: str) -> Tenant | None:
    """By name or number."""
    with conn.cursor(row_factory=class_row(Tenant)) as cur:
        return cur.execute(_SQL["find_tenant"], {"name": name}).fetchone()


def list_tenants(conn: Connection[Row]) -> list[Tenant]:
    """All of them, oldest first (a handful: not paged)."""
    with conn.cursor(row_factory=class_row(Tenant)) as cur:
        return cur.execute(_SQL["list_tenants"]).fetchall()


def is_time_zone(conn: Connection[Row], name: str) -> bool:
    """Whether the database knows a time zone of this name."""
    row = conn.execute(_SQL["is_time_zone"], {"name": name}).fetchone()
    return bool(row and row[0])


def set_tenant(
    conn: Connection[Row], tenant_id: int, *, time_zone: str | None, default_message: str | None
) -> Tenant:
    """Change what is named; None leaves it.

    Raises:
        NotFound: no such tenant.
    """
    params = {"tenant_id": tenant_id, "time_zone": time_zone, "default_message": default_message}
    with conn.cursor(row_factory=class_row(Tenant)) as cur:
        tenant = cur.execute(_SQL["set_tenant"], params).fetchone()
    if tenant is None:
        raise NotFound(f"tenant {tenant_id} does not exist")
    return tenant


def get_plan(conn: Connection[Row], tenant_id: int) -> Plan:
    """The tenant's limits.

    Raises:
        NotFound: no such tenant.
    """
    with conn.cursor(row_factory=class_row(Plan)) as cur:
        plan = cur.execute(_SQL["plan"], {"tenant_id": tenant_id}).fetchone()
    if plan is None:
        raise NotFound(f"tenant {tenant_id} has no plan")
    return plan


def set_plan(conn: Connection[Row], tenant_id: int, change: PlanChange) -> Plan:
    """Change the named limits; running campaigns follow at their next dispatch."""
    names = PlanChange.__slots__
    params = {"tenant_id": tenant_id, **{name: getattr(change, name) for name in names}}
    conn.execute(_SQL["set_plan"], params)
    return get_plan(conn, tenant_id)


def get_defaults(conn: Connection[Row], tenant_id: int) -> Defaults:
    """Default text and limits a new campaign is made with.

    Raises:
        NotFound: no such tenant.
    """
    with conn.cursor(row_factory=class_row(Defaults)) as cur:
        defaults = cur.execute(_SQL["defaults"], {"tenant_id": tenant_id}).fetchone()
    if defaults is None:
        raise NotFound(f"tenant {tenant_id} does not exist")
    return defaults
