"""Rows that are over their time; as the engine."""

from collections.abc import Mapping
from typing import Final, get_args

from psycopg import Connection
from psycopg.rows import dict_row

from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.settings import RetentionKind

_SQL = load_sql("retention.sql")

KINDS: Final[tuple[RetentionKind, ...]] = get_args(RetentionKind)


def drop(conn: Connection[Row], kind: RetentionKind, *, days: int, limit: int) -> int:
    """Delete (`texts`: erase) at most `limit` rows older than so many days; returns how many."""
    cursor = conn.execute(_SQL[kind], {"days": days, "limit": limit})
    if kind != "texts":
        return cursor.rowcount
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def count_due(
    conn: Connection[Row], days: Mapping[RetentionKind, int], *, limit: int
) -> dict[str, int]:
    """How much is over its time, by kind (`texts`: campaigns), counted up to `limit`."""
    with conn.cursor(row_factory=dict_row) as cur:
        params: dict[str, int] = {"limit": limit}
        params.update({str(kind): count for kind, count in days.items()})
        row = cur.execute(_SQL["due"], params).fetchone()
    return {} if row is None else {name: int(count) for name, count in row.items()}
