"""How much of its plan a tenant uses."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("usage.sql")


@dataclass(frozen=True, slots=True)
class Usage:
    """Campaigns are one user's; days are the tenant's, the last thirty with today."""

    running_campaigns: int
    waiting_campaigns: int
    instances: int
    connected_instances: int
    sent_today: int
    failed_today: int
    sent_30_days: int
    failed_30_days: int
    time_zone: str


def get_usage(conn: Connection[Row], tenant_id: int, user_id: int) -> Usage:
    """As of now."""
    params = {"tenant_id": tenant_id, "user_id": user_id}
    with conn.cursor(row_factory=class_row(Usage)) as cur:
        usage = cur.execute(_SQL["usage"], params).fetchone()
    assert usage is not None  # noqa: S101  the tenant of a signed-in user
    return usage
