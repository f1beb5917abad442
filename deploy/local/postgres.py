"""The embedded PostgreSQL: made once, started by whoever supervises it, asked over TCP."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.bound import bound_command
from deploy.local.errors import LocalError, explain
from deploy.local.folder import check_space
from deploy.local.leftover import end_leftover_postgres
from deploy.local.placement import Placement
from deploy.local.ports import LOOPBACK
from deploy.local.secrets import write_private

DATABASE = "rapidflow"
SUPERUSER = "postgres"
OWNER = "rapidflow_owner"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": DATABASE,
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster, and how to run it."""

    placement: Placement
    port: int
    superuser_password: str = field(repr=False)
    owner_password: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def superuser_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self.superuser_password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def owner_url(self) -> str:
        return f"postgresql://{OWNER}:{self.owner_password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def command(self, parent: int | None = None) -> list[str]:
        """Runs in the foreground; orphaned, it ends at once and recovers from its log later."""
        words: list[str | Path] = [
            self.placement.programs / "postgres",
            "-D",
            self.placement.cluster,
        ]
        for name, value in {**SETTINGS, **self.settings, "port": str(self.port)}.items():
            words += ["-c", f"{name}={value}"]
        return bound_command(
            words,
            when_orphaned=signal.SIGQUIT,
            parent=parent,
            user=self.placement.account.ids if self.placement.account else None,
            folder=Path("/"),
            bare=True,
        )

    def prepare(self) -> None:
        """Make the cluster if there is none, and make sure nobody else works in it."""
        cluster = self.placement.cluster
        if cluster.exists():
            end_leftover_postgres(cluster)
            check_major(self.placement)
        else:
            check_space(self.placement.home)
            initialise(self.placement, self.superuser_password, sync="fsync" not in self.settings)

    def is_ready(self, pid: int) -> bool:
        """Line 8 of postmaster.pid says so; line 1 says that the file is not an older one's."""
        try:
            lines = (self.placement.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def ensure_database(self) -> None:
        """The application's login role and its database, both only once."""
        try:
            with psycopg.connect(self.superuser_url, autocommit=True, connect_timeout=10) as conn:
                _ensure_owner(conn, self.owner_password)
                _ensure_database(conn)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise LocalError(
                    "The passwords in secrets.json are not those of the PostgreSQL data beside it: "
                    "bring the right file back, or begin anew with `rapidflow clean --yes`."
                ) from error
            raise explain("PostgreSQL", str(error)) from error


def _ensure_owner(conn: psycopg.Connection, password: str) -> None:
    if conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
        statement = "CREATE ROLE {} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD {}"
        conn.execute(sql.SQL(statement).format(sql.Identifier(OWNER), password))


def _ensure_database(conn: psycopg.Connection) -> None:
    if conn.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
        statement = sql.SQL("CREATE DATABASE {} OWNER {}")
        conn.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def check_major(placement: Placement) -> None:
    """A cluster belongs to one major version (PG_VERSION, written by initdb, names it)."""
    ours = program_major(placement.programs)
    try:
        theirs = (placement.cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise LocalError(
            f"{placement.cluster} is not a PostgreSQL data folder ({error.strerror})."
        ) from error
    if theirs != ours:
        raise LocalError(
            f"The data in {placement.cluster} is PostgreSQL {theirs}, this is PostgreSQL {ours}: "
            f"dump it with {theirs} (pg_dump) and load it here, or choose another DATA_DIR."
        )


def program_major(programs: Path) -> str:
    """ "postgres (PostgreSQL) 18.6" → "18"."""
    answer = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True)
    if answer.returncode != 0:
        raise explain("PostgreSQL", answer.stderr)
    return answer.stdout.split()[2].split(".")[0]


def initialise(placement: Placement, password: str, *, sync: bool = True) -> None:
    """initdb beside the final place, then one rename: a killed start leaves no half a cluster."""
    draft, password_file = placement.home / "data.new", placement.home / "password.new"
    if draft.exists():
        shutil.rmtree(draft)
    write_private(password_file, password)
    try:
        if placement.account:
            os.chown(password_file, *placement.account.ids)
        answer = subprocess.run(
            _initdb(placement, draft, password_file, sync=sync),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    finally:
        password_file.unlink(missing_ok=True)
    if answer.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise explain("PostgreSQL", answer.stderr)
    draft.rename(placement.cluster)


def _initdb(placement: Placement, draft: Path, password_file: Path, *, sync: bool) -> list[str]:
    return bound_command(
        [
            placement.programs / "initdb", "-D", draft, "-U", SUPERUSER,
            "--pwfile", password_file, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
            *([] if sync else ["--no-sync"]),
        ],
        when_orphaned=signal.SIGKILL,
        parent=os.getpid(),
        user=placement.account.ids if placement.account else None,
        folder=Path("/"),
        bare=True,
    )  # fmt: skip
