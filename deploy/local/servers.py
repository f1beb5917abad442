"""PostgreSQL and Valkey for one process, without a supervisor: what the test-suite starts."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from types import TracebackType
from typing import Self

from deploy.local.folder import check_space, exclusive, open_data_dir, remove_contents
from deploy.local.leftover import end_leftover_postgres, end_leftover_valkey
from deploy.local.placement import forget_postgres, place_postgres, postgres_home
from deploy.local.ports import free_port, retry_on_taken_port
from deploy.local.postgres import Postgres
from deploy.local.secrets import load_ports, load_secrets, save_ports
from deploy.local.valkey import Valkey
from deploy.local.waiting import Log, wait_ready


@dataclass(slots=True)
class RunningServers:
    """Two servers that end with this process, or with `stop()`."""

    database_url: str = field(repr=False)
    superuser_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    postgres_pid: int
    valkey_pid: int
    _held: ExitStack = field(repr=False)

    def stop(self) -> None:
        """Valkey first, then PostgreSQL; the data stays."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _tb: TracebackType | None,
    ) -> None:
        self.stop()


def start_servers(
    data_dir: Path,
    *,
    postgres_settings: Mapping[str, str] = {},
    valkey_settings: Mapping[str, str] = {},
) -> RunningServers:
    """Start both on `data_dir`, with the data of an earlier start. Call it from the main thread."""
    folder = open_data_dir(data_dir)
    check_space(folder)
    with ExitStack() as stack:
        stack.enter_context(exclusive(folder))
        postgres, postgres_pid = _start_postgres(folder, postgres_settings, stack)
        valkey, valkey_pid = _start_valkey(folder, valkey_settings, stack)
        postgres.ensure_database()
        save_ports(folder, {"postgres": postgres.port, "valkey": valkey.port})
        return RunningServers(
            database_url=postgres.owner_url,
            superuser_url=postgres.superuser_url,
            redis_url=valkey.url,
            postgres_pid=postgres_pid,
            valkey_pid=valkey_pid,
            _held=stack.pop_all(),
        )


def configure_postgres(folder: Path, settings: Mapping[str, str]) -> Postgres:
    """The cluster of this data folder, on a port that is free now."""
    known = load_secrets(folder)
    return Postgres(
        placement=place_postgres(folder),
        port=free_port(load_ports(folder).get("postgres")),
        superuser_password=known["postgres_superuser"],
        owner_password=known["postgres_owner"],
        settings=settings,
    )


def configure_valkey(folder: Path, settings: Mapping[str, str]) -> Valkey:
    """The Valkey of this data folder, on a port that is free now."""
    return Valkey(
        home=folder / "valkey",
        port=free_port(load_ports(folder).get("valkey")),
        password=load_secrets(folder)["valkey"],
        settings=settings,
    )


def remove_data(data_dir: Path) -> None:
    """Forget everything, the part outside the folder too. Refused while something runs there."""
    folder = data_dir.absolute()
    if folder.exists():
        with exclusive(folder):
            home = postgres_home(folder)
            end_leftover_postgres(home / "data")
            end_leftover_valkey(folder / "valkey")
            forget_postgres(folder)
            remove_contents(folder)


def _start_postgres(
    folder: Path, settings: Mapping[str, str], stack: ExitStack
) -> tuple[Postgres, int]:
    def start() -> tuple[Postgres, int]:
        postgres = configure_postgres(folder, settings)
        postgres.prepare()
        return postgres, _start("PostgreSQL", postgres, folder, SIGINT, stack)

    return retry_on_taken_port(start)


def _start_valkey(
    folder: Path, settings: Mapping[str, str], stack: ExitStack
) -> tuple[Valkey, int]:
    def start() -> tuple[Valkey, int]:
        valkey = configure_valkey(folder, settings)
        valkey.prepare()
        return valkey, _start("Valkey", valkey, folder, SIGTERM, stack)

    return retry_on_taken_port(start)


def _start(
    name: str, server: Postgres | Valkey, folder: Path, ask: Signals, stack: ExitStack
) -> int:
    log = folder / f"{name.lower()}.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as output:
        process = subprocess.Popen(
            server.command(parent=os.getpid()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we end the servers in order
        )
    stack.callback(_end, process, ask)
    return wait_ready(
        name, lambda: process.pid if process.poll() is None else None, server.is_ready, Log(log)
    )


def _end(process: subprocess.Popen[bytes], ask: Signals) -> None:
    if process.poll() is None:
        process.send_signal(ask)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
