"""What scenarios measure on: one PostgreSQL with `fsync` and one Valkey, a migrated database for
each scenario, and settings for the processes under measurement."""

import base64
import contextlib
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from psycopg import sql
from rich.console import Console

from deploy.local.servers import RunningServers, remove_data, start_servers
from shared.db.migrate import migrate
from shared.settings import Settings, load_settings

NO_PROVIDER = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Rig:
    """Servers, a folder that is removed afterwards, and how often to measure."""

    servers: RunningServers
    folder: Path
    runs: int
    console: Console
    rows: int = 1_000_000
    """Messages of finished campaigns in the largest database."""
    kept: dict[int, Any] = field(default_factory=dict)
    """Databases that scenarios share, by the number of their messages."""

    @property
    def stores(self) -> list[psutil.Process]:
        """PostgreSQL and Valkey, whose work counts."""
        return [psutil.Process(self.servers.postgres_pid), psutil.Process(self.servers.valkey_pid)]

    def rounds(self, what: str) -> Iterator[int]:
        """Run numbers from 1, shown while they last."""
        for number in range(1, self.runs + 1):
            with self.doing(f"{what}: run {number} of {self.runs}"):
                yield number

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what goes on; a line each where nobody watches a terminal."""
        if self.console.is_terminal:
            with self.console.status(what):
                yield
        else:
            self.console.print(what, highlight=False)
            yield

    def database(self, template: str | None = None) -> str:
        """The address of a new database: freshly migrated, or a copy of the one at `template`."""
        name = f"bench_{secrets.token_hex(4)}"
        source = urlsplit(template or self.servers.database_url)
        with psycopg.connect(self.servers.superuser_url, autocommit=True) as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name),
                    sql.Identifier(source.path.lstrip("/")),
                    sql.Identifier(source.username or ""),
                )
            )
        return urlunsplit(source._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """Forget a database, whoever is still connected to it."""
        name = sql.Identifier(urlsplit(url).path.lstrip("/"))
        with psycopg.connect(self.servers.superuser_url, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def settings(
        self, *, database_url: str | None = None, provider_url: str = NO_PROVIDER, port: int = 0
    ) -> Settings:
        """An installation of its own on these servers; a new database where none is given."""
        return load_settings(
            database_url=database_url or self.database(),
            redis_url=self.servers.redis_url,
            evolution_api_url=provider_url,
            evolution_api_key="bench",
            jwt_secret=secrets.token_hex(32),
            encryption_key=base64.b64encode(b"k" * 32).decode(),
            host="127.0.0.1",
            port=port,
            log_dir=self.folder / "logs",
            log_level="WARNING",
            data_dir=self.folder / "data",
            environment=f"bench-{secrets.token_hex(3)}",
            _env_file=None,
        )


@contextlib.contextmanager
def running_rig(runs: int, console: Console, *, rows: int) -> Iterator[Rig]:
    """Start the servers; everything is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="rapidflow-bench-") as name:
        folder = Path(name)
        data = folder / "servers"
        try:
            with start_servers(data) as servers:
                migrate(servers.database_url)
                yield Rig(servers, folder, runs, console, rows)
        finally:
            remove_data(data)
