"""Who did what: rows are added and read, never changed. Each holds the hash of the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("audit.sql")


@dataclass(frozen=True, slots=True)
class Chain:
    """A tenant's lines; `broken_at` is the place of the first wrong one, None where all hold."""

    tenant_id: int
    lines: int
    last_hash: str
    broken_at: int | None


def record(
    conn: Connection[Row],
    tenant_id: int,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] = {},
) -> None:
    """Append one line in the caller's transaction; ids only, no phone, name or text.

    It locks the tenant's log until the commit: let it be the last thing that locks.

    `actor` is `user:7`, `key` or `command`; `action` is `login`, `export`, `api_key_created`, …
    """
    params = {
        "tenant_id": tenant_id,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": Jsonb(dict(detail)),
    }
    conn.execute(_SQL["record"], params)


def verify(conn: Connection[Row], *, newest: int | None = None) -> list[Chain]:
    """Recompute every tenant's chain, as the engine role: all of it, or so many lines of each."""
    with conn.cursor(row_factory=class_row(Chain)) as cur:
        return cur.execute(_SQL["verify"], {"newest": newest}).fetchall()
