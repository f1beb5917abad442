"""Real servers for every test: PostgreSQL and Valkey started once, a migrated clone per test, and
the Evolution sandbox as a process of its own."""

import base64
import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from deploy.local.servers import RunningServers, remove_data, start_servers
from shared.db.migrate import migrate
from shared.settings import Settings, load_settings
from tests.sandbox_process import Sandbox, start_sandbox

# Loopback only: no proxy of the machine is ever asked.
for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test-ops` and `make test-browser` name their folders, which fetch what they need;
    nothing else collects them."""
    for name in ("ops", "browser"):
        if collection_path == Path(__file__).parent / name:
            return None if any(f"tests/{name}" in str(each) for each in config.args) else True
    return None


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServers]:
    """PostgreSQL (without the wait for the disk) and Valkey, on free ports."""
    folder: Path = tmp_path_factory.mktemp("servers")
    with start_servers(folder, postgres_settings={"fsync": "off"}) as running:
        yield running
    remove_data(folder)


def on_database(url: str, name: str) -> str:
    """The same server and login, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def template_database(servers: RunningServers) -> str:
    """A migrated database that tests clone."""
    migrate(servers.database_url)
    return urlsplit(servers.database_url).path.lstrip("/")


@contextlib.contextmanager
def cloned_database(servers: RunningServers, template: str) -> Iterator[str]:
    """A fresh migrated database; its login may do DDL, the pools SET ROLE."""
    name = f"test_{secrets.token_hex(6)}"
    owner = urlsplit(servers.database_url).username
    assert owner is not None
    with psycopg.connect(on_database(servers.superuser_url, "postgres"), autocommit=True) as conn:
        conn.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner)
            )
        )
        yield on_database(servers.database_url, name)
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(servers: RunningServers, template_database: str) -> Iterator[str]:
    """The database of this test."""
    with cloned_database(servers, template_database) as url:
        yield url


@pytest.fixture
def other_database_url(servers: RunningServers, template_database: str) -> Iterator[str]:
    """A second one, for tests with two installations."""
    with cloned_database(servers, template_database) as url:
        yield url


@pytest.fixture
def redis_url(servers: RunningServers) -> str:
    """Valkey, emptied."""
    with Redis.from_url(servers.redis_url) as redis:
        redis.flushall()
    return servers.redis_url


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """The Evolution sandbox, one process for the whole run."""
    with start_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox with an empty ledger, no faults, quick acks and nothing random."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def settings_for(
    database_url: str, redis_url: str, tmp_path: Path, sandbox_process: Sandbox
) -> Callable[..., Settings]:
    """Settings on this test's servers; keyword arguments override single ones."""

    def make(**overrides: object) -> Settings:
        values: dict[str, object] = {
            "database_url": database_url,
            "redis_url": redis_url,
            "evolution_api_url": sandbox_process.url,
            "evolution_api_key": sandbox_process.api_key,
            "jwt_secret": "j" * 40,
            "encryption_key": base64.b64encode(b"k" * 32).decode(),
            "log_dir": tmp_path / "logs",
            "data_dir": tmp_path / "data",
            "environment": f"test-{secrets.token_hex(4)}",
            "_env_file": None,
        }
        return load_settings(**{**values, **overrides})

    return make
