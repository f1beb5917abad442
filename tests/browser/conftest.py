"""A running stack, Chromium before it, and a console signed in to."""

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from deploy.local.servers import RunningServers
from shared.db import users
from shared.security.passwords import Passwords
from shared.settings import load_settings
from tests.browser.chromium import find_chromium
from tests.browser.console import Console
from tests.browser.relay import Relay
from tests.conftest import cloned_database
from tests.end_to_end.stack import Stack, sending_stack
from tests.factories import Factory
from tests.sandbox_process import Sandbox

EMAIL: Final = "marina@example.com"
PASSWORD: Final = "ponte-lousa-nuvem-4321"
#: What a call may take on a machine that does something else as well.
PATIENCE_MS: Final = 30_000
PHONE: Final = {"width": 360, "height": 740}
DESKTOP: Final = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def relay() -> Iterator[Relay]:
    """What the tabs talk through."""
    made = Relay()
    yield made
    made.close()


@pytest.fixture(scope="session")
def stack(
    servers: RunningServers,
    template_database: str,
    sandbox_process: Sandbox,
    relay: Relay,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """One for all tests: they make campaigns of their own and look at nobody else's."""
    folder = tmp_path_factory.mktemp("browser")
    with cloned_database(servers, template_database) as database:
        settings = load_settings(
            database_url=database,
            redis_url=servers.redis_url,
            evolution_api_url=sandbox_process.url,
            evolution_api_key=sandbox_process.api_key,
            jwt_secret="j" * 40,
            encryption_key=base64.b64encode(b"k" * 32).decode(),
            log_dir=folder / "logs",
            data_dir=folder / "data",
            environment="browser",
            _env_file=None,
        )
        sandbox_process.reset()
        origins = {"RAPIDFLOW_GATEWAY__ALLOWED_ORIGINS": f'["http://127.0.0.1:{relay.port}"]'}
        folder = folder / "processes"
        with sending_stack(settings, sandbox_process, folder, origins) as running:
            relay.target = int(str(running.client.base_url.port))
            with Factory(settings).connect() as conn:
                conn.execute("UPDATE plans SET burst_per_second = 1000")
                row = conn.execute("SELECT tenant_id FROM tenants ORDER BY tenant_id").fetchone()
                assert row is not None
                users.create_user(
                    conn,
                    tenant_id=int(str(row[0])),
                    email=EMAIL,
                    password_hash=Passwords(1).hash(PASSWORD),
                    role="owner",
                )
            yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, without its own sandbox where a container forbids it."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, stack: Stack, relay: Relay) -> Iterator[Callable[..., Console]]:
    """`visit(path="/", phone=False, scheme="light", …)`: a new tab, signed in."""
    with contextlib.ExitStack() as open_tabs:

        def make(
            path: str | None = "/",
            *,
            phone: bool = False,
            scheme: str = "light",
            email: str = EMAIL,
            password: str = PASSWORD,
        ) -> Console:
            tab: Any = browser.new_context(
                viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]  # a TypedDict's shape
                color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
                locale="pt-BR",
                timezone_id="America/Sao_Paulo",
                reduced_motion="reduce",
            )
            open_tabs.callback(tab.close)
            tab.set_default_timeout(PATIENCE_MS)
            page = tab.new_page()
            console = Console(page, f"http://127.0.0.1:{relay.port}", stack, email, password)
            if path is not None:
                console.open(path)
            return console

        yield make


@pytest.fixture
def console(visit: Callable[..., Console]) -> Iterator[Console]:
    """A tab at the dashboard; at the end nothing was complained of."""
    made = visit()
    yield made
    assert made.complaints == []


@pytest.fixture
def contacts() -> Callable[..., list[dict[str, str]]]:
    """`contacts(12, start=0)`: people with phones of their own."""

    def make(count: int, start: int = 0) -> list[dict[str, str]]:
        return [
            {"nome": f"Pessoa {at}", "telefone": f"1197{at:07d}"}
            for at in range(start, start + count)
        ]

    return make


@pytest.fixture
def dirty_file(tmp_path: Path) -> Path:
    """A list as people have them: 20 rows, of which 16 can be written to."""
    rows = [f"Cliente {at};(11) 97500-{at:04d};Santos" for at in range(16)]
    rows += [
        "Sem Telefone;;Santos",
        ";11975009001;Santos",
        "Letras;não tem;Santos",
        "Cliente repetido;+55 11 97500-0003;Santos",
    ]
    path = tmp_path / "clientes sujos.csv"
    path.write_bytes("\r\n".join(["Nome;Celular;Cidade", *rows]).encode("cp1252"))
    return path
