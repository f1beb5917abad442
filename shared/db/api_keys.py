"""API keys of programs; only their hash is stored."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("api_keys.sql")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown; `prefix` is its first characters."""

    api_key_id: int
    user_id: int
    name: str
    prefix: str
    created_at: datetime
    revoked_at: datetime | None


def find_owner(conn: Connection[Row], key_hash: bytes) -> tuple[int, int] | None:
    """(tenant id, user id) of a live key; in an `auth_transaction`."""
    row = conn.execute(_SQL["find_owner"], {"key_hash": key_hash}).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def create_key(
    conn: Connection[Row], *, tenant_id: int, user_id: int, name: str, prefix: str, key_hash: bytes
) -> ApiKey:
    """Store a key's hash."""
    params = {
        "tenant_id": tenant_id,
        "user_id": user_id,
        "name": name,
        "prefix": prefix,
        "key_hash": key_hash,
    }
    with conn.cursor(row_factory=class_row(ApiKey)) as cur:
        key = cur.execute(_SQL["insert_key"], params).fetchone()
    assert key is not None  # noqa: S101  INSERT … RETURNING
    return key


def list_keys(conn: Connection[Row], tenant_id: int, *, user_id: int | None) -> list[ApiKey]:
    """Live keys, newest first, at most 100; of one user or of the tenant (None)."""
    params = {"tenant_id": tenant_id, "user_id": user_id}
    with conn.cursor(row_factory=class_row(ApiKey)) as cur:
        return cur.execute(_SQL["list_keys"], params).fetchall()


def revoke_key(
    conn: Connection[Row], tenant_id: int, api_key_id: int, *, user_id: int | None
) -> bool:
    """False where there is no such live key of this user (None: of anyone in the tenant)."""
    params = {"tenant_id": tenant_id, "api_key_id": api_key_id, "user_id": user_id}
    return conn.execute(_SQL["revoke_key"], params).fetchone() is not None
