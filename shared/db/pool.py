"""Connections: who we are in the database, and whose rows a transaction may see.

Open a pool after the fork (gunicorn `post_fork`, Celery `worker_process_init`), never at import.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.types.numeric import Int8Dumper
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from shared.db.slow import TimedCursor
from shared.errors import SettingsError, TemporarilyUnavailable
from shared.observability import metrics
from shared.settings import PoolSettings

APP_ROLE = "rapidflow_app"
ENGINE_ROLE = "rapidflow_engine"
AUTH_ROLE = "rapidflow_auth"
ENGINE_POOL = "engine"

# The engine's statements look up a bounded number of rows by key. Statistics of a queue table are
# always out of date, and a plan that reads it whole costs a hundred times more: such plans are not
# considered. Measured: 300 ms instead of 2 ms to load a batch right after an import.
_KEYED_PLANS = (
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
    " -c plan_cache_mode=force_generic_plan"
)

_TRUSTED_SECONDS = 1.0

Row = tuple[Any, ...]
Pool = ConnectionPool[Connection[Row]]


def connection_options(role: str, limits: PoolSettings) -> str:
    """libpq `options`: the role and the time limits every statement of this pool runs under."""
    planner = _KEYED_PLANS if role == ENGINE_ROLE else "-c jit=off"
    return (
        f"{planner} -c role={role} -c statement_timeout={limits.statement_milliseconds} "
        f"-c lock_timeout={limits.lock_milliseconds} "
        f"-c idle_in_transaction_session_timeout={limits.idle_in_transaction_milliseconds} "
        "-c synchronous_commit=on -c timezone=UTC"
    )


def application_name(name: str, process: str = "") -> str:
    """What PostgreSQL knows a pool's connections by; it keeps 63 characters of it."""
    return f"rapidflow-{name} {process}".rstrip()


def make_pool(
    database_url: str,
    role: str,
    limits: PoolSettings,
    *,
    size: int,
    name: str,
    process: str = "",
    min_size: int = 1,
) -> Pool:
    """A closed pool; the caller opens it once its process has forked. `process` tells those of one
    kind apart, for whoever looks at the server."""
    pool: Pool = ConnectionPool(
        database_url,
        connection_class=_PooledConnection,
        kwargs={
            "options": connection_options(role, limits),
            "connect_timeout": 3,
            "application_name": application_name(name, process),
            "tcp_user_timeout": 10_000,
            "cursor_factory": TimedCursor,
        },
        min_size=min(min_size, size),
        max_size=size,
        timeout=limits.checkout_seconds,
        max_waiting=limits.max_waiting,
        reconnect_timeout=30.0,
        check=_check_if_rested,
        reset=_note_rest,
        configure=_keep_statements_prepared if role == ENGINE_ROLE else None,
        open=False,
        name=name,
    )
    metrics.watch_pool(pool)
    return pool


class _PooledConnection(Connection[Row]):
    """Knows when it was last given back."""

    rests_since = float("-inf")


def _note_rest(conn: Connection[Row]) -> None:
    if isinstance(conn, _PooledConnection):
        conn.rests_since = time.monotonic()


def _check_if_rested(conn: Connection[Row]) -> None:
    """Ask a connection whether it still stands, unless it did a moment ago: asking is a round trip,
    a third of what storing a webhook costs."""
    stood = isinstance(conn, _PooledConnection) and (
        time.monotonic() - conn.rests_since <= _TRUSTED_SECONDS
    )
    if not stood:
        ConnectionPool.check_connection(conn)


def _keep_statements_prepared(conn: Connection[Row]) -> None:
    """Have the engine's few statements planned once per connection.

    psycopg sends an int as int2, int4 or int8 by its size, so one statement would be prepared anew
    for every mix of sizes in its arrays; planning costs more than running it. Here all are int8.
    """
    conn.prepare_threshold = 1
    conn.adapters.register_dumper(int, Int8Dumper)


def check_role(conn: Connection[Row]) -> None:
    """Refuse to work as a role that row-level security does not bind.

    Raises:
        SettingsError: the role is a superuser, owns the tables or bypasses row-level security.
    """
    row = conn.execute(
        "SELECT current_user, r.rolsuper, r.rolbypassrls,"
        "       EXISTS (SELECT FROM pg_class c WHERE c.relname = 'messages' AND c.relowner = r.oid)"
        "  FROM pg_roles r WHERE r.rolname = current_user"
    ).fetchone()
    assert row is not None  # noqa: S101  current_user always exists
    name, superuser, bypasses, owner = row
    if superuser or bypasses or owner:
        raise SettingsError(
            f"DATABASE_URL: the role {name!r} is not bound by row-level security; "
            "let the connection SET ROLE to rapidflow_app and rapidflow_engine (rapidflow migrate)"
        )


@contextlib.contextmanager
def connection(pool: Pool) -> Iterator[Connection[Row]]:
    """One transaction on a pooled connection; commits on leaving the block.

    Raises:
        TemporarilyUnavailable: no connection to be had in time, the database went away, or it
            takes no writes (read-only after a failover, disk full).
    """
    try:
        with pool.connection() as conn:
            yield conn
    except (PoolTimeout, TooManyRequests) as exc:
        metrics.record_pool_refusal(pool.name)
        raise TemporarilyUnavailable(
            "The database is busy or away; try again in a moment.",
            code="database_unavailable",
            retry_after_seconds=2,
        ) from exc
    except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as exc:
        raise TemporarilyUnavailable(
            "The database did not answer; try again in a moment.",
            code="database_unavailable",
            retry_after_seconds=2,
        ) from exc


@contextlib.contextmanager
def single_statements(pool: Pool) -> Iterator[Connection[Row]]:
    """A pooled connection on which each statement commits by itself, in one round trip."""
    with connection(pool) as conn:
        conn.autocommit = True
        try:
            yield conn
        finally:
            if not conn.closed:
                conn.autocommit = False


@contextlib.contextmanager
def tenant_transaction(pool: Pool, tenant_id: int) -> Iterator[Connection[Row]]:
    """One transaction that sees the rows of `tenant_id` and no others."""
    with connection(pool) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant_id),))
        yield conn


@contextlib.contextmanager
def auth_transaction(pool: Pool) -> Iterator[Connection[Row]]:
    """One transaction that may look up credentials before the tenant is known, and nothing else."""
    with connection(pool) as conn:
        conn.execute("SELECT set_config('role', %s, true)", (AUTH_ROLE,))
        yield conn
