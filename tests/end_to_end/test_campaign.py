"""The main job on real processes: HTTP in, WhatsApp (the sandbox) out, events on a WebSocket."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.settings import Settings
from tests.end_to_end.stack import Stack, sending_stack
from tests.sandbox_process import Sandbox


@pytest.fixture
def stack(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> Iterator[Stack]:
    """Everything running, a generous plan, and an open instance adopted over HTTP."""
    with sending_stack(settings_for(), sandbox, tmp_path / "output") as running:
        yield running


def people(count: int) -> list[dict[str, str]]:
    """Contacts with distinct numbers."""
    return [
        {"nome": f"Pessoa {at}", "telefone": f"119{70000000 + at}", "cidade": "Recife"}
        for at in range(count)
    ]


async def _watch(stack: Stack, campaign_id: str, ready: asyncio.Event) -> list[dict[str, Any]]:
    """Everything a subscriber hears until the campaign is complete."""
    ticket = stack.client.post("/api/ws/ticket").json()["ticket"]
    url = f"{stack.client.base_url}/ws".replace("//ws", "/ws")
    heard: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"type": "auth", "ticket": ticket})
        await socket.send_json({"type": "subscribe_campaign", "campaignId": campaign_id})
        async for message in socket:
            frame = message.json()
            heard.append(frame)
            if frame["type"] == "subscribed":
                ready.set()
            if frame.get("data", {}).get("event") == "campaign_complete":
                return heard
    return heard


def test_a_list_becomes_a_delivered_campaign(stack: Stack, sandbox: Sandbox) -> None:
    contacts = [*people(23), {"nome": "Sem Telefone", "telefone": "123"}]
    contacts.append({"nome": "Repetida", "telefone": "+55 (11) 7000-0000"})  # Pessoa 0, other form
    created = stack.campaign(
        contacts, systemPrompt="Olá {{nome}} de {{cidade}}!", delayMin=0, delayMax=0
    )
    campaign_id = created["campaign"]["campaign_id"]
    assert created["validation"]["reasons"] == {"invalid_phone": 1, "duplicate": 1}

    metrics = stack.wait_over(campaign_id)
    assert (metrics["sent_count"], metrics["error_count"]) == (23, 0)
    assert metrics["progress_percentage"] == 100
    sent = sandbox.ledger()
    assert sorted(entry["text"] for entry in sent) == sorted(
        f"Olá Pessoa {at} de Recife!" for at in range(23)
    )
    pages = stack.client.get(f"/api/campaigns/{campaign_id}/messages?limit=1000").json()
    numbers = {row["telefone"] for row in pages["messages"] if row["status"] != "skipped"}
    assert numbers == {entry["number"] for entry in sent}


def test_a_socket_hears_the_campaign_in_order(stack: Stack) -> None:
    async def scenario() -> list[dict[str, Any]]:
        created = stack.campaign(people(12), systemPrompt="Olá {{nome}}!", delayMin=1, delayMax=1)
        ready = asyncio.Event()
        return await _watch(stack, created["campaign"]["campaign_id"], ready)

    heard = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert [frame["type"] for frame in heard[:2]] == ["authenticated", "subscribed"]
    updates = [frame for frame in heard if frame["type"] == "campaign_update"]
    numbers = [frame["seq"] for frame in updates]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(later["prevSeq"] == earlier["seq"] for earlier, later in itertools.pairwise(updates))
    data = [frame["data"] for frame in updates]
    first_sent = next(event for event in data if event["event"] == "message_sent")
    assert first_sent["messageText"] == f"Olá {first_sent['contactName']}!"
    assert first_sent["phone"].startswith("55119")
    progress = [event for event in data if event["event"] == "progress"]
    assert [event["currentPosition"] for event in progress][-1] == 12
    assert {"totalContacts", "progressPercentage", "estimated_seconds_remaining"} <= set(
        progress[0]
    )
    complete = data[-1]
    assert complete["event"] == "campaign_complete"
    assert (complete["totalSent"], complete["totalErrors"], complete["successRate"]) == (12, 0, 100)
    assert complete["duration"] >= 10
    receipts = [frame["data"] for frame in heard if frame["type"] == "campaign_receipts"]
    delivered = [totals["delivered"] for totals in receipts]
    assert delivered == sorted(delivered)
    assert delivered[-1] >= 6, "told while it runs, not at its end"


def test_workers_killed_in_the_middle_lose_nothing_and_send_nothing_twice(
    stack: Stack, sandbox: Sandbox
) -> None:
    stack.start("worker-2", "worker")
    sandbox.tune(latency_ms=100)
    created = stack.campaign(people(60), systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0)
    campaign_id = created["campaign"]["campaign_id"]
    while stack.metrics(campaign_id)["sent_count"] < 15:
        pass
    stack.kill("worker")
    stack.kill("worker-2")
    stack.start("worker", "worker")

    metrics = stack.wait_over(campaign_id)
    until = 40
    while metrics["in_doubt_count"] and until:
        until -= 1
        metrics = stack.metrics(campaign_id)
        asyncio.run(asyncio.sleep(0.5))
    numbers = [entry["number"] for entry in sandbox.ledger()]
    assert len(numbers) == len(set(numbers))
    assert metrics["sent_count"] == len(numbers)
    assert metrics["sent_count"] + metrics["in_doubt_count"] == 60
    assert metrics["in_doubt_count"] <= 2, "at most what was in flight and never left"


def test_sigterm_hands_back_what_was_not_begun(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.tune(latency_ms=200)
    created = stack.campaign(people(30), systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0)
    campaign_id = created["campaign"]["campaign_id"]
    while stack.metrics(campaign_id)["sent_count"] < 4:
        pass
    assert stack.stop("worker") == 0
    stack.start("worker", "worker")
    metrics = stack.wait_over(campaign_id)
    assert (metrics["sent_count"], metrics["in_doubt_count"]) == (30, 0)
    assert len({entry["number"] for entry in sandbox.ledger()}) == 30


def test_an_opt_out_is_obeyed_from_then_on(stack: Stack, sandbox: Sandbox) -> None:
    contacts = people(3)
    stack.wait_over(stack.campaign(contacts, delayMin=0, delayMax=0)["campaign"]["campaign_id"])
    instance = stack.client.get("/api/instances").json()["instances"][0]["name"]
    sandbox.inbound(instance, sender="5511970000001", text=" Sáir! ")

    def skipped() -> object:
        created = stack.campaign(contacts, delayMin=0, delayMax=0)
        stack.wait_over(created["campaign"]["campaign_id"])
        return created["validation"]["reasons"]

    for _ in range(40):
        if skipped() == {"suppressed": 1}:
            return
        asyncio.run(asyncio.sleep(0.25))
    pytest.fail("the opt-out was not obeyed")


def test_a_model_writes_the_texts_and_no_log_repeats_them(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.model(failure="link", contains="Pessoa 3")
    prompt = "Canario-do-prompt: olá {{nome}}!"
    created = stack.campaign(
        people(8), systemPrompt=prompt, model="gpt-4o-mini", delayMin=0, delayMax=0
    )
    campaign_id = created["campaign"]["campaign_id"]
    assert stack.wait_over(campaign_id)["sent_count"] == 8
    text = stack.client.get(f"/api/campaigns/{campaign_id}").json()["campaign"]["text"]
    assert (text["written"], text["waiting"], text["fallbacks"]) == (7, 0, {"text_link": 1})
    sent = {entry["text"] for entry in sandbox.ledger()}
    assert len(sent) == 8
    assert sum("\n" in body for body in sent) == 7
    folders = (stack.logs, Path(stack.environment["LOG_DIR"]))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    logged = "".join(path.read_text("utf-8", "replace") for path in files)
    assert "templates_went" in logged
    for canary in ("Canario-do-prompt", "Pessoa 3", sandbox.api_key):
        assert canary not in logged
