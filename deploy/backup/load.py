"""Fill a database from a backup: whole and marked as restored, or not at all."""

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import click
import psycopg

from deploy.backup.listener import listening
from deploy.backup.manifest import Manifest, check_key, read_manifest
from deploy.backup.programs import connection_arguments, explain, program
from shared.db import backups, restores
from shared.db.migrate import known_migrations, migrate
from shared.db.pool import ENGINE_ROLE, Row
from shared.settings import Settings

_CHUNK: Final = 1024 * 1024
_TABLE: Final = re.compile(r'processing data for table "public\.(\w+)"')

Progress = Callable[[str], None]
"""(table begun)"""


def restore_backup(
    settings: Settings, backup: Path, *, replace: bool, progress: Progress
) -> Manifest:
    """Put the backup in place of what is in the database, in one transaction that also marks it.

    Raises:
        ClickException: the files do not fit, the database is in use or holds something (and
            `replace` was not said), a program is missing or failed; nothing has changed then.
        SettingsError: another ENCRYPTION_KEY.
    """
    pg_restore, psql = program("pg_restore"), program("psql")
    manifest = read_manifest(backup)
    check_key(manifest, settings.encryption_key.get_secret_value())
    later = sorted(set(manifest.migrations) - set(known_migrations()))
    if later:
        raise click.ClickException(
            f"The backup is of a later RapidFlow ({manifest.version}): it has {', '.join(later)}."
        )
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url, connect_timeout=5) as conn:
        refuse_company(conn)
    migrate(url)  # roles, and what an empty database needs
    with psycopg.connect(url, connect_timeout=5) as conn:
        if not replace and _holds_something(conn):
            raise click.ClickException(
                "This database is not empty. Restore into an empty one, or say --replace to have "
                "everything in it dropped."
            )
        end = "\n".join(
            [
                "SET search_path = public;",
                "SET row_security = on;",
                f"SET LOCAL ROLE {ENGINE_ROLE};",
                backups.counts_script(conn, manifest.rows),
                "RESET ROLE;",
                restores.marking_script(conn, manifest.taken_at),
                "COMMIT;\n",
            ]
        )
    _fill(pg_restore, psql, url, backup, end, progress)
    migrate(url)
    return manifest


def refuse_company(conn: "psycopg.Connection[Row]") -> None:
    """A ClickException while processes of RapidFlow are connected to this database."""
    others = backups.list_others(conn)
    if others:
        raise click.ClickException(
            f"Stop RapidFlow first: {', '.join(others)} work in this database."
        )


def _holds_something(conn: "psycopg.Connection[Row]") -> bool:
    with conn.transaction():
        conn.execute(f"SET LOCAL ROLE {ENGINE_ROLE}")
        row = conn.execute("SELECT EXISTS (SELECT FROM tenants)").fetchone()
    return bool(row and row[0])


def _fill(
    pg_restore: Path, psql: Path, url: str, backup: Path, end: str, progress: Progress
) -> None:
    """One psql, one transaction; COMMIT is written only after pg_restore ended well."""
    target, environment = connection_arguments(url)
    read = [str(pg_restore), "--schema=public", "--no-owner", "--verbose", "--file=-", str(backup)]
    write = [str(psql), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", target]
    begin = f"BEGIN;\nSET LOCAL lock_timeout = '10s';\n{backups.DROP_ALL}\n"
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            write,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as sink:
            assert sink.stdin is not None  # noqa: S101  it is a pipe
            broken = ""
            try:
                sink.stdin.write(begin.encode())
                broken = _pour(read, sink.stdin, progress)
                if not broken:
                    sink.stdin.write(end.encode())
                sink.stdin.close()
            except BrokenPipeError:
                pass  # psql ended; it says why
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    if sink.returncode:
        raise explain("psql", said)
    if broken:
        raise explain("pg_restore", broken)


def _pour(command: list[str], into: IO[bytes], progress: Progress) -> str:
    """The backup as SQL, written on; returns what went wrong, empty where nothing did."""
    source = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with listening(source, _TABLE, progress) as said:
        assert source.stdout is not None  # noqa: S101  a pipe
        while chunk := source.stdout.read(_CHUNK):
            into.write(chunk)
    return (said.text or "ended early") if source.returncode else ""
