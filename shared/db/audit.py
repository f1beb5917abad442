"""Who did what: rows are added and read, never changed."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("audit.sql")


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
