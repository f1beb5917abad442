"""People who are never written to: those who asked for it, and those somebody entered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import like, load_sql

_SQL = load_sql("suppressions.sql")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One number; `reason`: `opt_out` (the person asked), `manual`, `erased`."""

    suppression_id: int
    phone: str
    reason: str
    created_at: datetime


def list_suppressions(
    conn: Connection[Row], tenant_id: int, *, digits: str | None, before_id: int | None, limit: int
) -> list[Suppression]:
    """Newest first, those before `before_id`; `digits` is a part of the number."""
    params = {
        "tenant_id": tenant_id,
        "pattern": None if digits is None else f"%{like(digits)}%",
        "before_id": before_id,
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Suppression)) as cur:
        return cur.execute(_SQL["page"], params).fetchall()


def count_suppressions(conn: Connection[Row], tenant_id: int) -> int:
    """All of a tenant."""
    row = conn.execute(_SQL["count"], {"tenant_id": tenant_id}).fetchone()
    assert row is not None  # noqa: S101  an aggregate always answers
    return int(row[0])


def add_suppressions(conn: Connection[Row], tenant_id: int, phones: Sequence[str]) -> int:
    """Canonical digits; returns how many were not there yet."""
    params = {"tenant_id": tenant_id, "phones": list(phones)}
    return conn.execute(_SQL["add"], params).rowcount


def remove_suppression(conn: Connection[Row], tenant_id: int, suppression_id: int) -> str | None:
    """Its reason; None where there is none of this number."""
    params = {"tenant_id": tenant_id, "suppression_id": suppression_id}
    row = conn.execute(_SQL["remove"], params).fetchone()
    return None if row is None else str(row[0])
