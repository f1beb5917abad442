"""What operators see of the engine, read in a few keyed statements whatever was ever sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import circuits
from shared.db.circuits import LaneState
from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("observation.sql")


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of all tenants by status; `sent` includes those delivered or read since.

    `late_seconds`: how far the leased message with the oldest slot is behind it. `completed` counts
    campaigns.
    """

    pending: int
    leased: int
    sending: int
    late_seconds: float
    sent: int
    failed: int
    in_doubt: int
    completed: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, and the server's connections and size."""

    dispatch_lag_seconds: float
    oldest_event_seconds: float
    oldest_webhook_seconds: float
    texts_waiting: int
    lanes_leased: int
    connections: int
    max_connections: int
    database_bytes: int


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at the engine. `tallies`: (name, label) → count, kept in the database."""

    messages: Messages
    campaigns: Mapping[str, int]  # live ones, by status
    waiting: Mapping[str, int]  # of those, by the reason why they wait
    backlog: Backlog
    lanes: list[LaneState]
    tallies: Mapping[tuple[str, str], int]


def take_duty(conn: Connection[Row], duty: str, *, holder: str, seconds: float) -> bool:
    """Hold `duty` for so long from now; False where somebody else does."""
    params = {"duty": duty, "holder": holder, "seconds": seconds}
    return conn.execute(_SQL["take_duty"], params).fetchone() is not None


def add_tally(conn: Connection[Row], name: str, label: str) -> None:
    """Count one more."""
    conn.execute(_SQL["add_tally"], {"name": name, "label": label})


def observe(conn: Connection[Row], *, unconfirmed_after_seconds: float) -> Observation:
    """Look at everything."""
    with conn.cursor(row_factory=class_row(Messages)) as cur:
        messages = cur.execute(_SQL["messages"]).fetchone()
    with conn.cursor(row_factory=class_row(Backlog)) as backlog_cur:
        backlog = backlog_cur.execute(_SQL["backlog"]).fetchone()
    assert messages is not None  # noqa: S101  always one row
    assert backlog is not None  # noqa: S101  always one row
    return Observation(
        messages=messages,
        campaigns={str(status): int(n) for status, n in conn.execute(_SQL["live_campaigns"])},
        waiting={str(reason): int(n) for reason, n in conn.execute(_SQL["waiting_campaigns"])},
        backlog=backlog,
        lanes=circuits.list_states(conn, unconfirmed_after_seconds=unconfirmed_after_seconds),
        tallies={(str(a), str(b)): int(n) for a, b, n in conn.execute(_SQL["tallies"])},
    )
