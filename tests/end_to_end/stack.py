"""RapidFlow's own processes, each started alone by its command, as in production."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from deploy.bootstrap import bootstrap
from deploy.local.ports import free_port
from shared.settings import Settings
from tests.factories import Factory
from tests.sandbox_process import Sandbox

_OVER: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass
class Stack:
    """Running processes by name, and a client with the owner's API key."""

    environment: Mapping[str, str]
    logs: Path
    client: httpx.Client
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: str, **more: str) -> None:
        """Start `rapidflow <command>` under a name of ours; `more` goes to its environment."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", command],
                env={**self.environment, **more},
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(timeout=10)

    def stop(self, name: str) -> int:
        """SIGTERM, and its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=30)

    def campaign(self, contacts: list[dict[str, str]], **config: object) -> dict[str, Any]:
        """POST /api/campaigns: the whole answer."""
        body = {"name": "Teste", "contacts": contacts, "config": config}
        answer = self.client.post("/api/campaigns", json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def metrics(self, campaign_id: str) -> dict[str, Any]:
        """GET …/metrics: its `metrics`."""
        answer = self.client.get(f"/api/campaigns/{campaign_id}/metrics")
        assert answer.status_code == 200, answer.text
        metrics: dict[str, Any] = answer.json()["metrics"]
        return metrics

    def wait_over(self, campaign_id: str, *, seconds: float = 60) -> dict[str, Any]:
        """Wait for a final status; the last metrics."""
        until = time.monotonic() + seconds
        while (metrics := self.metrics(campaign_id))["status"] not in _OVER:
            assert time.monotonic() < until, (metrics, self.tail())
            time.sleep(0.2)
        return metrics

    def tail(self) -> str:
        """The last lines of every log."""
        return "\n".join(
            f"== {path.name}\n" + "\n".join(path.read_text("utf-8", "replace").splitlines()[-8:])
            for path in sorted(self.logs.glob("*.log"))
        )


def environment_of(settings: Settings, sandbox: Sandbox, port: int) -> dict[str, str]:
    """What `.env` would hold, with times scaled down: a minute is a second."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAPIDFLOW")},
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "EVOLUTION_API_URL": sandbox.url,
        "EVOLUTION_API_KEY": sandbox.api_key,
        "OPENAI_BASE_URL": sandbox.model_url,
        "OPENAI_API_KEY": sandbox.api_key,
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        "LOG_DIR": str(settings.log_dir),
        "LOG_LEVEL": settings.log_level,
        "DATA_DIR": str(settings.data_dir),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "RAPIDFLOW_ENVIRONMENT": settings.environment,
        "RAPIDFLOW_DELIVERY__CALL_DEADLINE_SECONDS": "3",
        "RAPIDFLOW_DELIVERY__LEASE_SECONDS": "4",
        "RAPIDFLOW_DELIVERY__LEASE_MARGIN_SECONDS": "0.5",
        "RAPIDFLOW_DISPATCH__LOOKAHEAD_SECONDS": "2",  # well within the lease
        "RAPIDFLOW_EVIDENCE__QUIET_MARGIN_SECONDS": "0.2",
        "RAPIDFLOW_EVIDENCE__LOOKS_AFTER_SECONDS": "[0, 1, 2, 4, 8]",
    }


@contextlib.contextmanager
def running_stack(
    settings: Settings, sandbox: Sandbox, logs: Path, variables: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """server, worker, control and beat, with these `variables` besides; all are gone when the
    block ends."""
    port = free_port()
    environment = {**environment_of(settings, sandbox, port), **(variables or {})}
    key = bootstrap(environment).api_key_file.read_text("utf-8").strip()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=10
    ) as client:
        stack = Stack(environment, logs, client)
        try:
            for name in ("server", "worker", "control", "beat"):
                stack.start(name, name)
            _wait_healthy(stack)
            yield stack
        finally:
            for process in stack.processes.values():
                process.kill()
            for process in stack.processes.values():
                process.wait(timeout=10)


@contextlib.contextmanager
def sending_stack(
    settings: Settings, sandbox: Sandbox, logs: Path, variables: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """The same with a generous plan and an open instance adopted over HTTP."""
    logs.mkdir()
    with running_stack(settings, sandbox, logs, variables) as running:
        with Factory(settings).connect() as conn:
            conn.execute("UPDATE plans SET messages_per_second = 200, requests_per_minute = 100000")
        name = f"loja-{settings.environment}"
        sandbox.create_instance(name)
        answer = running.client.post("/api/instances", json={"name": name, "adopt": True})
        assert answer.status_code == 201, answer.text
        yield running


def _wait_healthy(stack: Stack) -> None:
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if stack.client.get("/health").status_code == 200:
                return
        assert time.monotonic() < until, stack.tail()
        time.sleep(0.1)
