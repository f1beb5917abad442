"""Questions `rapidflow doctor` asks the database, as the engine."""

import time
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import ENGINE_POOL, Row, application_name
from shared.db.sql import like, load_sql

_SQL = load_sql("health.sql")


@dataclass(frozen=True, slots=True)
class Server:
    """PostgreSQL itself; the skew is between its clock and ours."""

    version: str
    clock_skew_seconds: float
    max_connections: int
    connections: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What should have moved by now."""

    oldest_due_seconds: float
    lapsed: int
    unpublished: int
    unread: int
    in_doubt: int


def get_server(conn: Connection[Row]) -> Server:
    """Version, clock and connections."""
    with conn.cursor(row_factory=class_row(Server)) as cur:
        row = cur.execute(_SQL["server"], {"now": time.time()}).fetchone()
    assert row is not None  # noqa: S101  always one row
    return row


def get_backlog(conn: Connection[Row]) -> Backlog:
    """How far behind the engine is."""
    with conn.cursor(row_factory=class_row(Backlog)) as cur:
        row = cur.execute(_SQL["backlog"]).fetchone()
    assert row is not None  # noqa: S101  always one row
    return row


def list_engine_processes(conn: Connection[Row]) -> list[str]:
    """Names (`worker-PID@host`, cut after 46 characters) of the engine's processes that are
    connected; those that do nothing any more as well."""
    prefix = f"{application_name(ENGINE_POOL)} "
    rows = conn.execute(_SQL["engine_processes"], {"pattern": f"{like(prefix)}%"})
    return [str(row[0]).removeprefix(prefix) for row in rows]


def list_unbalanced(conn: Connection[Row], *, limit: int) -> list[str]:
    """Of the newest campaigns, those where conservation does not hold."""
    rows = conn.execute(_SQL["unbalanced"], {"limit": limit}).fetchall()
    return [str(row[0]) for row in rows]
