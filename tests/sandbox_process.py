"""The Evolution sandbox as tests use it: a process, and its control routes as methods."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

_READY = "sandbox listening on "


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox; `client` speaks to it with the global key."""

    url: str
    api_key: str
    client: httpx.Client
    pid: int

    def reset(self) -> None:
        """No ledger, no faults, no numbers known; acks at once, no replies."""
        self._ask("POST", "/sandbox/reset")
        self.tune(latency_ms=0, ack_delay_ms=20, read_share=1, reply_share=0, webhook_retry_ms=50)

    def tune(self, **settings: object) -> None:
        """Change settings while it runs (`latency_ms`, `ack_delay_ms`, `save_messages`, …)."""
        self._ask("PUT", "/sandbox/settings", settings)

    def create_instance(
        self, name: str, *, webhook_url: str | None = None, secret: str = ""
    ) -> str:
        """An open instance; returns its key."""
        body: dict[str, Any] = {
            "instanceName": name,
            "integration": "WHATSAPP-BAILEYS",
            "token": f"TOKEN-{name}",
        }
        if webhook_url:
            events = ["SEND_MESSAGE", "MESSAGES_UPDATE", "MESSAGES_UPSERT", "CONNECTION_UPDATE"]
            body["webhook"] = {"url": webhook_url, "events": events, "headers": {"jwt_key": secret}}
        self._ask("POST", "/instance/create", body)
        self.set_state(name, state="open")
        return f"TOKEN-{name}"

    def set_state(self, name: str, **state: object) -> None:
        """Move a connection: `state`, `statusReason`, `dead`, …"""
        self._ask("PUT", f"/sandbox/instances/{name}/state", state)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace all fault rules."""
        self._ask("PUT", "/sandbox/faults", list(rules))

    def number(self, digits: str, **known: object) -> None:
        """What WhatsApp knows of a number (`on_whatsapp`, `jid`, `cached`)."""
        self._ask("PUT", f"/sandbox/numbers/{digits}", known)

    def inbound(self, instance: str, *, sender: str, text: str) -> None:
        """A person writes to us."""
        self._ask("POST", f"/sandbox/instances/{instance}/inbound", {"from": sender, "text": text})

    def model(self, **behaviour: object) -> dict[str, Any]:
        """Change the language model (`failure`, `times`, `contains`, `latency_ms`, `usage`)."""
        answer: dict[str, Any] = self._ask("PUT", "/sandbox/model", behaviour)
        return answer

    def model_requests(self) -> list[dict[str, Any]]:
        """The last completions asked for, oldest first: `{model, messages, failure, …}`."""
        answer: list[dict[str, Any]] = self._ask("GET", "/sandbox/model/requests")
        return answer

    @property
    def model_url(self) -> str:
        """What OPENAI_BASE_URL names; the key is `api_key`."""
        return f"{self.url}/v1"

    def ledger(self, instance: str | None = None) -> list[dict[str, Any]]:
        """Everything handed to WhatsApp, oldest first."""
        query = f"?instance={instance}" if instance else ""
        answer = self._ask("GET", f"/sandbox/ledger{query}")
        entries: list[dict[str, Any]] = answer["entries"] if isinstance(answer, dict) else answer
        return entries

    def stats(self) -> dict[str, Any]:
        """Counts, peaks and what is in flight."""
        answer: dict[str, Any] = self._ask("GET", "/sandbox/stats")
        return answer

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        answer = (
            self.client.request(method, path, json=body)
            if body is not None
            else (self.client.request(method, path))
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@contextlib.contextmanager
def start_sandbox(arguments: Sequence[str] = ()) -> Iterator[Sandbox]:
    """Start a sandbox on a free port; it ends with the block."""
    key = "sandbox-test-key"
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.sandbox", "--port", "0", "--quiet", *arguments],
        env={**os.environ, "SANDBOX_API_KEY": key},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith(_READY), line
        url = line.removeprefix(_READY)
        with httpx.Client(base_url=url, headers={"apikey": key}, timeout=10) as client:
            yield Sandbox(url, key, client, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
