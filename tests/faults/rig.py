"""Everything a fault needs: servers, proxies before them, the sandbox, and RapidFlow's processes.

One rig serves many rows of the suite. Each row has instances, campaigns and phones of its own, so
that nothing of one row is left to the next but the processes.
"""

import base64
import contextlib
import itertools
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg

from deploy.bootstrap import bootstrap
from deploy.local.ports import free_port
from deploy.local.servers import remove_data
from shared.db.migrate import migrate
from shared.settings import load_settings
from tests.end_to_end.stack import Stack, environment_of
from tests.faults.proxy import FaultProxy, Mode
from tests.faults.servers import Servers
from tests.sandbox_process import Sandbox, start_sandbox

STANDARD = ("server", "worker", "control", "beat")

# A minute is a second: the rules are the same, only the waiting is shorter.
SCALED = {
    "RAPIDFLOW_DISPATCH__LOOKAHEAD_SECONDS": "2",
    "RAPIDFLOW_BREAKER__OPEN_SECONDS": "1",
    "RAPIDFLOW_BREAKER__CEILING_SECONDS": "4",
    "RAPIDFLOW_BACKOFF__BASE_SECONDS": "0.5",
    "RAPIDFLOW_SWEEP__PUBLISH_AFTER_SECONDS": "1",
}
_TIMED = ("DELIVERY", "EVIDENCE")


@dataclass(frozen=True, slots=True)
class Times:
    """What the engine promises, in seconds, at the settings of a rig."""

    lease: float
    open_call: float  # from the begin of an attempt until its worker is taken for dead
    quiet: float  # from the begin of an attempt until its doubt is looked up
    tick: float = 1.0


class Rig:
    """Started once per run; `heal` makes it whole again between rows."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, servers: Servers, *, real_times: bool
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.servers = servers
        self.real_times = real_times
        self.times = Times(60, 105, 105) if real_times else Times(4, 3.5, 3.2)
        postgres, valkey = servers.ports
        # A proxy per kind of process, so that one can lose its server while the others keep it.
        self.postgres = {kind: FaultProxy(postgres) for kind in ("server", "worker", "control")}
        self.redis = FaultProxy(valkey)
        self.evolution = FaultProxy(int(sandbox.url.rpartition(":")[2]))
        self.numbers = itertools.count(1)
        self._clients: list[httpx.Client] = []
        self._made = itertools.count(1)
        self.stack = self._make_stack()

    def _make_stack(self) -> Stack:
        port = free_port()
        settings = load_settings(
            database_url=self.servers.owner_url,
            redis_url=self._redis_url(),
            evolution_api_url=f"http://127.0.0.1:{self.evolution.port}",
            evolution_api_key=self.sandbox.api_key,
            jwt_secret=secrets.token_hex(32),
            encryption_key=base64.b64encode(secrets.token_bytes(32)).decode(),
            log_dir=self.folder / "logs",
            data_dir=self.folder / "data",
            environment=f"fault-{secrets.token_hex(4)}",
            _env_file=None,
        )
        environment = environment_of(settings, self.sandbox, port)
        environment["EVOLUTION_API_URL"] = settings.evolution_api_url
        environment |= SCALED
        if self.real_times:
            for name in list(environment):
                if name.startswith(tuple(f"RAPIDFLOW_{group}__" for group in _TIMED)):
                    del environment[name]
        migrate(self.servers.owner_url)
        key = bootstrap(environment).api_key_file.read_text("utf-8").strip()
        with self.servers.superuser() as conn:
            conn.execute(
                "UPDATE plans SET messages_per_second = 200, requests_per_minute = 100000,"
                " running_campaigns = 100"
            )
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=10
        )
        output = self.folder / "output"
        output.mkdir(exist_ok=True)
        return Stack(environment, output, client)

    def _redis_url(self) -> str:
        head, _, tail = self.servers.redis_url.rpartition(":")
        return f"{head}:{self.redis.port}/{tail.partition('/')[2]}"

    @property
    def client(self) -> httpx.Client:
        """Of the first server, with the owner's key."""
        return self.stack.client

    def start(self, name: str, **environment: str) -> None:
        """Start a process; `worker-2` is a `rapidflow worker`."""
        command = name.partition("-")[0]
        kind = command if command in self.postgres else "control"
        head, _, tail = self.servers.owner_url.rpartition(":")
        url = f"{head}:{self.postgres[kind].port}/{tail.partition('/')[2]}"
        self.stack.start(name, command, **{"DATABASE_URL": url, **environment})

    def start_server(self, name: str, **environment: str) -> httpx.Client:
        """Another API process on a port of its own, and a client of it."""
        port = free_port()
        self.start(name, PORT=str(port), PUBLIC_URL=self.stack.environment["PUBLIC_URL"],
                   **environment)  # fmt: skip
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=self.client.headers, timeout=10
        )
        self._clients.append(client)
        self.wait_answering(client)
        return client

    def kill(self, name: str) -> None:
        """SIGKILL, children included (gunicorn's workers)."""
        process = self.stack.processes.pop(name)
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(process.pid)
            for one in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(timeout=10)

    def wait_dead(self, name: str, *, seconds: float = 60) -> None:
        """Wait until a process has met its failpoint."""
        process = self.stack.processes[name]
        self.wait(lambda: process.poll() is not None, f"{name} did not die", seconds=seconds)
        assert process.returncode == -signal.SIGKILL, self.stack.tail()
        del self.stack.processes[name]

    def children(self, name: str) -> set[int]:
        """Pids of a server's workers."""
        parent = psutil.Process(self.stack.processes[name].pid)
        return {child.pid for child in parent.children(recursive=True)}

    def wait(self, done: Callable[[], bool], otherwise: str, *, seconds: float = 60) -> None:
        """Poll until `done`; a database or API that is away just now is waited for too."""
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(httpx.HTTPError, psycopg.OperationalError):
                if done():
                    return
            assert time.monotonic() < until, f"{otherwise}\n{self.stack.tail()}"
            time.sleep(0.1)

    def wait_answering(self, client: httpx.Client) -> None:
        """Until a server answers."""
        self.wait(lambda: client.get("/health").status_code == 200, "no server", seconds=60)

    def heal(self) -> None:
        """No faults, all standard processes, no other ones."""
        for proxy in (*self.postgres.values(), self.redis, self.evolution):
            proxy.set(Mode.PASS)
        for client in self._clients:
            client.close()
        self._clients.clear()
        for server in (self.servers.postgres, self.servers.valkey):
            if not server.running:
                server.start()
        self.sandbox.faults()
        self.sandbox.tune(latency_ms=0, ack_delay_ms=20, webhook_retry_ms=200)
        for name, process in list(self.stack.processes.items()):
            if process.poll() is not None or name not in STANDARD:
                self.kill(name)
        for name in STANDARD:
            if name not in self.stack.processes:
                self.start(name)
        self.wait_answering(self.client)

    def instance(self) -> str:
        """A connected number of its own."""
        name = f"i{next(self._made)}-{secrets.token_hex(3)}"
        self.sandbox.create_instance(name)
        answer = self.client.post("/api/instances", json={"name": name, "adopt": True})
        assert answer.status_code == 201, answer.text
        return name

    def rows(self, query: str, *params: object) -> list[tuple[object, ...]]:
        """Ask the database past every proxy."""
        with self.servers.superuser() as conn:
            return conn.execute(query, params).fetchall()  # type: ignore[arg-type]

    def close(self) -> None:
        """Kill what this rig started."""
        for name in list(self.stack.processes):
            self.kill(name)
        for client in (*self._clients, self.client):
            client.close()
        for proxy in (*self.postgres.values(), self.redis, self.evolution):
            proxy.close()


@contextlib.contextmanager
def running_rig(folder: Path, *, real_times: bool = False, wal_megabytes: int = 0) -> Iterator[Rig]:
    """A whole rig on `folder`; call it from the main thread."""
    _without_proxies(os.environ)
    servers = Servers(folder / "servers", wal_megabytes=wal_megabytes)
    try:
        servers.start()
        with start_sandbox() as sandbox:
            sandbox.reset()
            rig = Rig(folder, sandbox, servers, real_times=real_times)
            try:
                rig.heal()
                yield rig
            finally:
                rig.close()
    finally:
        servers.stop()
        remove_data(folder / "servers")


def _without_proxies(environment: Mapping[str, str]) -> None:
    for name in [name for name in environment if name.lower() in _PROXIES]:
        os.environ.pop(name)


_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}
