"""Connection states of instances, as Evolution tells them when asked."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("connections.sql")


@dataclass(frozen=True, slots=True)
class UncheckedInstance:
    """An instance to ask about; `token` is sealed for (instances, token, tenant, public id).

    `rested`: its breaker's rest is over, a message may probe it next.
    """

    tenant_id: int
    instance_id: int
    public_id: str
    name: str
    token: bytes
    rested: bool


def claim_unchecked(
    conn: Connection[Row], *, every_seconds: float, limit: int
) -> list[UncheckedInstance]:
    """Instances whose state should be asked for now; each is given to one caller."""
    with conn.cursor(row_factory=class_row(UncheckedInstance)) as cur:
        return cur.execute(
            _SQL["claim_unchecked"], {"every": every_seconds, "limit": limit}
        ).fetchall()


def set_state(conn: Connection[Row], tenant_id: int, instance_id: int, state: str) -> bool:
    """Record a state; True when it changed."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "state": state}
    return conn.execute(_SQL["set_state"], params).rowcount > 0
