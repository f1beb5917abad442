"""People who are never written to: those who asked for it, those somebody entered, and those who
were erased, of whom only a keyed hash of the phone is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import like, load_sql

_SQL = load_sql("suppressions.sql")

HashPhone = Callable[[int, str], bytes]
"""(tenant id, phone in canonical digits) to the hash that stays of somebody who was erased."""

Reason = Literal["opt_out", "manual", "erased"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """One number; `reason`: `opt_out` (the person asked), `manual`, `erased`. Without a phone: the
    person was erased."""

    suppression_id: int
    phone: str | None
    reason: str
    created_at: datetime


def list_suppressions(
    conn: Connection[Row],
    tenant_id: int,
    *,
    digits: str | None,
    phone_hash: bytes | None,
    before_id: int | None,
    limit: int,
) -> list[Suppression]:
    """Newest first, those before `before_id`; `digits` is a part of the number, `phone_hash` that
    of the person it is the whole number of."""
    params = {
        "tenant_id": tenant_id,
        "pattern": None if digits is None else f"%{like(digits)}%",
        "phone_hash": phone_hash,
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


def add_suppressions(
    conn: Connection[Row],
    tenant_id: int,
    phones: Sequence[str],
    reason: Reason,
    *,
    hash_phone: HashPhone,
) -> int:
    """Never write to `phones` (canonical digits) again; returns how many were not there yet."""
    params = {
        "tenant_id": tenant_id,
        "phones": list(phones),
        "phone_hashes": [hash_phone(tenant_id, phone) for phone in phones],
        "reason": reason,
    }
    return conn.execute(_SQL["add"], params).rowcount


def find_suppressed(
    conn: Connection[Row], tenant_id: int, phones: Sequence[str], *, hash_phone: HashPhone
) -> frozenset[str]:
    """Those of `phones` (canonical digits) that must not be written to."""
    params = {"tenant_id": tenant_id, "phones": list(phones)}
    known = {str(row[0]) for row in conn.execute(_SQL["known"], params)}
    if conn.execute(_SQL["any_erased"], params).fetchone() == (True,):
        hashed = {hash_phone(tenant_id, phone): phone for phone in phones}
        asked = {"tenant_id": tenant_id, "phone_hashes": list(hashed)}
        known |= {hashed[bytes(row[0])] for row in conn.execute(_SQL["known_hashes"], asked)}
    return frozenset(known)


def erase(conn: Connection[Row], tenant_id: int, phone: str, *, hash_phone: HashPhone) -> None:
    """Of this person's suppression keep the hash of the phone; they stay suppressed."""
    params = {
        "tenant_id": tenant_id,
        "phone": phone,
        "phone_hash": hash_phone(tenant_id, phone),
    }
    conn.execute(_SQL["erase"], params)


def remove_suppression(conn: Connection[Row], tenant_id: int, suppression_id: int) -> str | None:
    """Its reason; None where there is none of this number."""
    params = {"tenant_id": tenant_id, "suppression_id": suppression_id}
    row = conn.execute(_SQL["remove"], params).fetchone()
    return None if row is None else str(row[0])
