"""Take a backup: one consistent picture of the database, while everything goes on."""

import hashlib
import os
import re
import secrets
import subprocess
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click
import psycopg

from deploy.backup.listener import listening
from deploy.backup.manifest import Manifest, make_manifest, manifest_path
from deploy.backup.programs import connection_arguments, explain, program
from shared.db import backups
from shared.db.migrate import applied_migrations
from shared.db.pool import ENGINE_ROLE, Row
from shared.settings import Settings

_CHUNK: Final = 1024 * 1024
_TABLE: Final = re.compile(r'dumping contents of table "public\.(\w+)"')
_PATIENCE: Final = "-c statement_timeout=0 -c lock_timeout=10000 -c timezone=UTC"

Progress = Callable[[str, int], None]
"""(table begun, bytes written so far)"""


def take_backup(settings: Settings, target: Path, progress: Progress) -> Manifest:
    """Write `target` and its manifest, both readable by their owner only, or neither.

    Raises:
        ClickException: a program is missing, the database cannot be read whole.
    """
    pg_dump = program("pg_dump")
    url = settings.database_url.get_secret_value()
    migrations = applied_migrations(url)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with psycopg.connect(url, options=_PATIENCE, connect_timeout=5) as conn:
            _prepare(conn)
            snapshot, taken_at, server = _hold_picture(conn)
            rows = backups.count_rows(conn, backups.list_tables(conn))
            size, sha256 = _dump(pg_dump, url, snapshot, draft, progress)
        manifest = make_manifest(
            version=version("rapidflow"),
            taken_at=taken_at,
            migrations=migrations,
            server=server,
            encryption_key=settings.encryption_key.get_secret_value(),
            size=size,
            sha256=sha256,
            rows=rows,
        )
        _write_beside(manifest_path(target), manifest.to_json())
        draft.replace(target)  # last: a backup that is there is whole
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _prepare(conn: "psycopg.Connection[Row]") -> None:
    backups.let_engine_read(conn)
    hidden = backups.list_hidden(conn)
    conn.commit()
    if hidden:
        raise click.ClickException(
            f"Not every row can be read: no policy shows {', '.join(hidden)} to {ENGINE_ROLE}."
        )


def _hold_picture(conn: "psycopg.Connection[Row]") -> tuple[str, datetime, str]:
    """(snapshot for pg_dump, the instant it shows, server version); it lasts as long as `conn`."""
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    conn.execute(f"SET LOCAL ROLE {ENGINE_ROLE}")
    row = conn.execute(
        "SELECT pg_export_snapshot(), clock_timestamp(), current_setting('server_version')"
    ).fetchone()
    assert row is not None  # noqa: S101  always one row
    return str(row[0]), row[1], str(row[2])


def _dump(
    pg_dump: Path, url: str, snapshot: str, draft: Path, progress: Progress
) -> tuple[int, str]:
    target, environment = connection_arguments(url)
    command = [
        str(pg_dump),
        "--format=custom",
        "--no-owner",
        "--schema=public",
        f"--role={ENGINE_ROLE}",
        "--enable-row-security",
        f"--snapshot={snapshot}",
        "--verbose",
        "--dbname",
        target,
    ]
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with listening(process, _TABLE, lambda table: progress(table, file.tell())) as said:
            assert process.stdout is not None  # noqa: S101  a pipe
            digest = hashlib.sha256()
            while chunk := process.stdout.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
        if process.returncode:
            raise explain("pg_dump", said.text)
        file.flush()
        os.fsync(file.fileno())
        return file.tell(), digest.hexdigest()


def _write_beside(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
