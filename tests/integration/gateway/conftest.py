"""gunicorn with real sockets on a real database and a real Valkey."""

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import simple_websocket
from redis import Redis

from deploy.local.ports import free_port
from deploy.local.servers import remove_data, start_servers
from shared.coordination.tickets import TicketIdentity, issue_ticket
from shared.db import events as stored_events
from shared.db.events import Audience, StoredEvents
from shared.db.migrate import migrate
from shared.events.publish import EventPublisher

ENVIRONMENT = "gatewaytest"
PHONE = "5511987650000"
CANARY = "Canario da Silva"


@dataclass
class World:
    """Two tenants, users and campaigns, and the hands that make events happen."""

    database_url: str
    redis_url: str
    conn: psycopg.Connection[Any]
    redis: Redis
    publisher: EventPublisher
    log_dir: Path
    campaigns: int = 0
    tenant_id: int = 0
    user_id: int = 0

    def ticket(self, *, role: str = "operator", epoch: int = 0, user_id: int | None = None) -> str:
        identity = TicketIdentity(self.tenant_id, user_id or self.user_id, role, epoch)
        return issue_ticket(self.redis, identity, 30, environment=ENVIRONMENT)

    def new_user(self, tenant_id: int | None = None) -> int:
        row = self.conn.execute(
            "INSERT INTO users (tenant_id, email, password_hash, role)"
            " VALUES (%s, %s, 'x', 'operator') RETURNING user_id",
            (tenant_id or self.tenant_id, f"{secrets.token_hex(6)}@example.com"),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def new_tenant(self) -> int:
        row = self.conn.execute(
            "INSERT INTO tenants (name) VALUES (%s) RETURNING tenant_id", (secrets.token_hex(6),)
        ).fetchone()
        assert row is not None
        return int(row[0])

    def new_campaign(
        self, *, contacts: int = 100, tenant_id: int | None = None, user_id: int | None = None
    ) -> tuple[int, str]:
        tenant = tenant_id or self.tenant_id
        public_id = f"CAMP-{secrets.token_hex(8)}"
        row = self.conn.execute(
            "INSERT INTO campaigns (tenant_id, public_id, user_id, name, status, template,"
            " delay_min, delay_max) VALUES (%s, %s, %s, 'x', 'running', 'x', 0, 0)"
            " RETURNING campaign_id",
            (tenant, public_id, user_id or self.user_id),
        ).fetchone()
        assert row is not None
        self.conn.execute(
            "INSERT INTO campaign_counters (tenant_id, campaign_id, total) VALUES (%s, %s, %s)",
            (tenant, row[0], contacts),
        )
        self.conn.execute(
            "INSERT INTO contacts (tenant_id, campaign_id, position, name, phone, body)"
            " VALUES (%s, %s, 0, %s, %s, %s)",
            (tenant, row[0], CANARY, PHONE, f"Oi {CANARY}"),
        )
        return int(row[0]), public_id

    def store(self, campaign_id: int, *names: str, tenant_id: int | None = None) -> StoredEvents:
        """Commit events without telling anybody."""
        events = [{"event": name, "position": 0} for name in names]
        return stored_events.append(self.conn, tenant_id or self.tenant_id, campaign_id, events)

    def tell(self, *batches: StoredEvents, public_id: str) -> None:
        """Publish what was stored, in the order given."""
        audience = {
            b.campaign_id: Audience(b.campaign_id, public_id, self.user_id) for b in batches
        }
        contacts = stored_events.named_contacts(self.conn, batches)
        assert self.publisher.send(batches, audience, contacts)

    def happen(self, campaign_id: int, public_id: str, *names: str) -> StoredEvents:
        batch = self.store(campaign_id, *names)
        self.tell(batch, public_id=public_id)
        return batch


class Client(simple_websocket.Client):
    """Also reads the frames that came together with the handshake's answer."""

    def handshake(self) -> None:
        super().handshake()
        self._handle_events()
        self.connected = True


@dataclass
class Server:
    """A running gunicorn."""

    process: subprocess.Popen[bytes]
    port: int
    sockets: list[simple_websocket.Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def connect(self, query: str = "", **headers: str) -> simple_websocket.Client:
        client = Client(self.url + query, headers=headers)
        self.sockets.append(client)
        return client

    def signed_in(self, world: World, **who: Any) -> simple_websocket.Client:
        client = self.connect()
        say(client, type="auth", ticket=world.ticket(**who))
        assert hear(client)["type"] == "authenticated"
        return client

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
            body: dict[str, Any] = json.load(answer)
            return body


def say(client: simple_websocket.Client, **message: Any) -> None:
    client.send(json.dumps(message))


def hear(client: simple_websocket.Client, timeout: float = 5.0) -> dict[str, Any]:
    """The next message."""
    received = client.receive(timeout)
    assert received is not None, "nothing came"
    message: dict[str, Any] = json.loads(received)
    return message


def end_of(client: simple_websocket.Client, timeout: float = 8.0) -> int:
    """The code the server closes with; messages before it are dropped."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            client.receive(0.2)
        except simple_websocket.ConnectionClosed as closed:
            return int(closed.reason)
    raise AssertionError("still open")


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="rapidflow-gateway-"))
    folder.chmod(0o711)
    with start_servers(folder / "data", postgres_settings={"fsync": "off"}) as servers:
        migrate(servers.database_url)
        redis = Redis.from_url(servers.redis_url)
        with psycopg.connect(
            servers.superuser_url.rpartition("/")[0] + "/rapidflow", autocommit=True
        ) as conn:
            made = World(
                servers.database_url,
                servers.redis_url,
                conn,
                redis,
                EventPublisher(redis, ENVIRONMENT),
                folder / "logs",
            )
            made.tenant_id = made.new_tenant()
            made.user_id = made.new_user()
            yield made
        redis.close()
    remove_data(folder / "data")
    shutil.rmtree(folder)


@contextlib.contextmanager
def running(world: World, service: str, **environment: str) -> Iterator[Server]:
    """gunicorn with our configuration of `service`."""
    port = free_port()
    env = {
        **os.environ,
        "DATABASE_URL": world.database_url,
        "REDIS_URL": world.redis_url,
        "EVOLUTION_API_URL": "http://127.0.0.1:1",
        "EVOLUTION_API_KEY": "k",
        "JWT_SECRET": "j" * 40,
        "ENCRYPTION_KEY": base64.b64encode(b"k" * 32).decode(),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_DIR": str(world.log_dir),
        "RAPIDFLOW_ENVIRONMENT": ENVIRONMENT,
        "RAPIDFLOW_LOG_LEVEL": "DEBUG",
        "RAPIDFLOW_SERVICE": service,
        **environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", f"python:deploy.gunicorn.{service}",
         "tests.integration.gateway.bench_app:app()"],
        env=env, cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server = Server(process, port)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                server.health()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield server
    finally:
        for client in server.sockets:
            with contextlib.suppress(simple_websocket.ConnectionClosed, OSError):
                client.close()
            client.thread.join(5)
            client.sock.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="package", params=["gateway", "server"])
def server(request: pytest.FixtureRequest, world: World) -> Iterator[Server]:
    """The gevent gateway and the threads of `rapidflow server`."""
    limits = {
        "RAPIDFLOW_GATEWAY__AUTH_SECONDS": "1.5",
        "RAPIDFLOW_GATEWAY__SOCKETS_PER_USER": "40",
        "RAPIDFLOW_GATEWAY__STALL_SECONDS": "1",
        "RAPIDFLOW_GATEWAY__REORDER_SECONDS": "0.5",
        "PUBLIC_URL": "https://app.example.com",
    }
    with running(world, request.param, **limits) as started:
        yield started


@pytest.fixture(autouse=True)
def no_leftovers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test closes its sockets."""
    yield
    if "server" in request.fixturenames:
        shared: Server = request.getfixturevalue("server")
        for client in shared.sockets:
            with contextlib.suppress(simple_websocket.ConnectionClosed, OSError):
                client.close()
            client.thread.join(5)
            client.sock.close()
        shared.sockets.clear()
