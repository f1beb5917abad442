"""What real processes write down: a campaign can be followed, and nobody can be recognised."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from shared.settings import Settings
from tests.end_to_end.stack import Stack, sending_stack
from tests.sandbox_process import Sandbox

NAME = "Zebedeu Canarinho"
WORD = "abracadabra-sigilosa"
DIGITS = "971234567"
EMAIL = "zebedeu@canarinho.example"
PASSWORD = "senha-canarinha-77"
REQUEST = "req-canarinho-1"
REFUSED, DOUBTED, ODD = "11971234501", "11971234502", "11971234503"


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for(log_level="DEBUG")


@pytest.fixture
def stack(settings: Settings, sandbox: Sandbox, tmp_path: Path) -> Iterator[Stack]:
    with sending_stack(settings, sandbox, tmp_path / "output") as running:
        yield running


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_campaign_is_told_and_nobody_is_named(
    stack: Stack, settings: Settings, sandbox: Sandbox
) -> None:
    tickets = _live_a_whole_life(stack, sandbox)
    for name in list(stack.processes):
        assert stack.stop(name) == 0

    files = {path.name: path for path in settings.log_dir.rglob("*.log")}
    _assert_nobody_is_named(stack, files, tickets)
    day = {level for level in ("error", "warn", "info", "debug") if _has_level(files, level)}
    assert {"info", "debug", "warn"} <= day
    written = [line for path in files.values() for line in lines_of(path)]
    assert {"server", "worker", "control", "beat"} <= {line["process"] for line in written}

    told = [
        line
        for line in lines_of(next(p for n, p in files.items() if n.startswith("CAMP-")))
        if line["level"] != "debug"
    ]
    assert {line["request_id"] for line in told if "request_id" in line} == {REQUEST}
    names = [line["event"] for line in told]
    assert names[:2] == ["campaign_created", "campaign_started"]
    assert {line["process"] for line in told} >= {"server", "worker", "control"}
    assert 1 <= names.count("campaign_progress") <= 10
    seen = {line["code"] for line in told if line["event"] == "campaign_error_seen"}
    assert "not_on_whatsapp" in seen
    (ended,) = (line for line in told if line["event"] == "campaign_ended")
    assert ended["errors"] == {"not_on_whatsapp": 1}
    assert (ended["sent"], ended["failed"], ended["in_doubt"]) == (21, 1, 2)


def _live_a_whole_life(stack: Stack, sandbox: Sandbox) -> list[str]:
    """Create, send, fail, doubt, export, webhooks, sockets, refused requests."""
    sandbox.number(f"55{REFUSED}", on_whatsapp=False)
    odd = {"status": 400, "response": {"message": [f"Error: {NAME} {ODD} said {WORD}"]}}
    sandbox.faults(
        {"match": {"number": f"55{DOUBTED}"}, "do": {"error": "timed_out_400"}},
        {"match": {"number": f"55{ODD}"}, "do": {"body": odd, "status": 400}},
    )
    contacts = [
        {"nome": NAME, "telefone": f"119712345{at:02d}", "email": EMAIL} for at in range(1, 25)
    ]
    body = {
        "name": f"Campanha de {NAME}",
        "contacts": [*contacts, {"nome": NAME, "telefone": f"0{DIGITS}"}],
        "config": {"systemPrompt": f"{WORD} {{{{nome}}}}", "delayMin": 0, "delayMax": 0},
    }
    client = stack.client
    created = client.post("/api/campaigns", json=body, headers={"X-Request-Id": REQUEST})
    assert created.status_code == 201, created.text
    campaign_id = created.json()["campaign"]["campaign_id"]
    tickets = asyncio.run(_socket_paths(stack, campaign_id))
    stack.wait_over(campaign_id)

    for path in ("messages", "performance", "export", "export?format=csv"):
        assert client.get(f"/api/campaigns/{campaign_id}/{path}").status_code == 200
    client.get("/api/campaigns", params={"search": NAME})
    client.get("/nowhere", params={"ticket": tickets[0], "telefone": f"11{DIGITS}"})
    client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD})
    client.post("/api/campaigns", json={"name": NAME, "contacts": [{"nome": NAME, "x": [WORD]}]})
    client.post("/api/campaigns", content=f'{{"nome": "{NAME} {WORD}')
    client.post(f"/webhooks/evolution/{WORD}", json={"number": f"55{DIGITS}", "text": WORD})
    client.get("/api/campaigns", headers={"Authorization": f"Bearer {WORD}.{WORD}.{WORD}"})
    instance = client.get("/api/instances").json()["instances"][0]["name"]
    sandbox.inbound(instance, sender=f"55{contacts[5]['telefone']}", text=f"{WORD} {NAME}")
    sandbox.inbound(instance, sender=f"55{contacts[6]['telefone']}", text="SAIR")
    _wait(lambda: _replied(client, campaign_id) >= 2)
    return tickets


async def _socket_paths(stack: Stack, campaign_id: str) -> list[str]:
    """Every way a socket can go; returns the tickets used."""
    tickets = [stack.client.post("/api/ws/ticket").json()["ticket"] for _ in range(2)]
    url = f"{str(stack.client.base_url).rstrip('/')}/ws"
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{url}?ticket={tickets[0]}") as sock:
            await sock.send_json({"type": "subscribe_campaign", "campaignId": campaign_id})
            assert (await sock.receive_json())["type"] == "authenticated"
            frame = await sock.receive_json()
            while frame["type"] != "campaign_update":
                frame = await sock.receive_json()
            assert frame["requestId"] == REQUEST
        async with session.ws_connect(url) as sock:
            await sock.send_json({"type": "auth", "ticket": tickets[1]})
            await sock.send_json({"type": WORD, "phone": f"55{DIGITS}"})
            await sock.send_json({"type": "subscribe_user", "userId": NAME})
            await sock.send_json({"type": "subscribe_campaign", "campaignId": NAME})
            await sock.send_str(f"{NAME} {WORD}")
            assert [(await sock.receive_json())["type"] for _ in range(5)][1:] == ["error"] * 4
        async with session.ws_connect(f"{url}?ticket={WORD}") as sock:
            assert (await sock.receive_json())["type"] == "error"
    return tickets


def _replied(client: httpx.Client, campaign_id: str) -> int:
    found: int = client.get(f"/api/campaigns/{campaign_id}/metrics").json()["metrics"][
        "replied_count"
    ]
    return found


def _wait(done: Callable[[], bool], *, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.1)


def _has_level(files: dict[str, Path], level: str) -> bool:
    return any(name.endswith(f"-{level}.log") for name in files)


def _assert_nobody_is_named(stack: Stack, files: dict[str, Path], tickets: list[str]) -> None:
    key = stack.client.headers["X-API-Key"]
    secret = [NAME, "Zebedeu", WORD, "9712345", EMAIL, PASSWORD, key, *tickets]
    consoles = {path.name: path for path in stack.logs.glob("*.log")}
    for name, path in {**files, **{f"console {n}": p for n, p in consoles.items()}}.items():
        text = path.read_text("utf-8", "replace")
        for word in secret:
            where = text.find(word)
            assert where < 0, f"{name}: {text[max(where - 300, 0) : where + 100]}"
