"""PostgreSQL and Valkey that may be killed, stopped, emptied, and started on the same port."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from redis import Redis

from deploy.local.folder import open_data_dir
from deploy.local.postgres import Postgres
from deploy.local.servers import configure_postgres, configure_valkey
from deploy.local.valkey import Valkey
from deploy.local.waiting import Log, wait_ready


class Server:
    """One embedded server; start and stop it as often as you like, from the main thread."""

    def __init__(self, name: str, server: Postgres | Valkey, folder: Path) -> None:
        self.name = name
        self.server = server
        self._log = folder / f"{name.lower()}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it on its own data and port; returns when it answers."""
        self.server.prepare()
        seen = Log.from_now(self._log)
        with self._log.open("ab") as output:
            process = subprocess.Popen(
                self.server.command(parent=os.getpid()),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = process
        wait_ready(
            self.name,
            lambda: process.pid if process.poll() is None else None,
            self.server.is_ready,
            seen,
        )

    def stop(self, how: signal.Signals) -> None:
        """Send a signal and wait until it is gone."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: accepts connections, answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None


class Servers:
    """Both, on one data folder."""

    def __init__(self, data_dir: Path, *, wal_megabytes: int = 0) -> None:
        self.folder = open_data_dir(data_dir)
        settings = {"fsync": "off", "max_connections": "200", "shared_buffers": "64MB"}
        if wal_megabytes:
            settings |= {"max_wal_size": f"{wal_megabytes}MB", "min_wal_size": "32MB"}
        self._postgres = configure_postgres(self.folder, settings)
        self._valkey = configure_valkey(self.folder, {"enable-debug-command": "yes"})
        self.postgres = Server("PostgreSQL", self._postgres, self.folder)
        self.valkey = Server("Valkey", self._valkey, self.folder)

    def start(self) -> None:
        """Both, and the application's database."""
        self.postgres.start()
        self._postgres.ensure_database()
        self.valkey.start()

    def stop(self) -> None:
        """Both; the data stays."""
        for server, how in ((self.valkey, signal.SIGTERM), (self.postgres, signal.SIGQUIT)):
            if server.running:
                os.kill(server.pid, signal.SIGCONT)
            server.stop(how)

    @property
    def owner_url(self) -> str:
        """PostgreSQL as the application's login."""
        return self._postgres.owner_url

    @property
    def redis_url(self) -> str:
        """Valkey with its password."""
        return self._valkey.url

    @property
    def ports(self) -> tuple[int, int]:
        """(PostgreSQL, Valkey)."""
        return self._postgres.port, self._valkey.port

    def superuser(self, database: str = "rapidflow") -> "psycopg.Connection[tuple[object, ...]]":
        """A direct autocommit connection as superuser, past every proxy."""
        url = self._postgres.superuser_url.rpartition("/")[0] + f"/{database}"
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def redis(self) -> Redis:
        """A direct client, past every proxy."""
        return Redis.from_url(self._valkey.url)

    def restart_valkey_empty(self) -> None:
        """SIGKILL, forget everything, start again."""
        self.valkey.stop(signal.SIGKILL)
        shutil.rmtree(self._valkey.home, ignore_errors=True)
        self.valkey.start()

    def wait_postgres(self, *, seconds: float = 60) -> None:
        """Wait until it takes writes again."""
        until = time.monotonic() + seconds
        while True:
            try:
                with self.superuser() as conn:
                    conn.execute("CREATE TEMP TABLE alive (x int)")
            except psycopg.Error:
                assert time.monotonic() < until, "PostgreSQL did not come back"
                time.sleep(0.1)
            else:
                return
