"""Bring the database up to date; safe to run from any number of processes at once."""

import contextlib
from collections.abc import Iterator
from importlib import resources

import psycopg
import yoyo
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

# A key of our own on a direct connection: yoyo's lock row outlives a killed process, this does not.
_LOCK_KEY = 0x7261706964_01

_APPLIED = "SELECT migration_id FROM _yoyo_migration"


@contextlib.contextmanager
def _backend(database_url: str) -> Iterator[yoyo.backends.DatabaseBackend]:
    backend = yoyo.get_backend("postgresql+psycopg://" + database_url.split("://", 1)[1])
    try:
        yield backend
    finally:
        backend.connection.close()


@contextlib.contextmanager
def _exclusive(database_url: str) -> Iterator[None]:
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        yield


def _pending(backend: yoyo.backends.DatabaseBackend) -> yoyo.migrations.MigrationList:
    with resources.as_file(resources.files("migrations")) as folder:
        numbered = yoyo.read_migrations(str(folder)).filter(lambda m: m.id[0].isdigit())
        return backend.to_apply(numbered)


def pending_migrations(database_url: str) -> list[str]:
    """Names of migrations this database has not had, in order."""
    with _backend(database_url) as backend:
        return [migration.id for migration in _pending(backend)]


def applied_migrations(database_url: str) -> list[str]:
    """Names of the migrations this database has had, in order."""
    with _backend(database_url) as backend:
        return sorted(str(row[0]) for row in backend.execute(_APPLIED))


def known_migrations() -> list[str]:
    """Names of the migrations this program brings, in order."""
    folder = resources.files("migrations")
    return sorted(
        file.name.removesuffix(".sql")
        for file in folder.iterdir()
        if file.name.endswith(".sql") and file.name[0].isdigit()
    )


@retry(
    retry=retry_if_exception_type(psycopg.errors.LockNotAvailable),
    stop=stop_after_attempt(5),
    wait=wait_random_exponential(max=5),
    reraise=True,
)
def migrate(database_url: str) -> list[str]:
    """Apply what is pending; returns the names applied (empty: nothing to do).

    Raises:
        psycopg.OperationalError: the database cannot be reached.
        psycopg.errors.InsufficientPrivilege: the role may not create roles or tables.
    """
    with _exclusive(database_url), _backend(database_url) as backend:
        todo = _pending(backend)
        backend.apply_migrations(todo)
        return [migration.id for migration in todo]
