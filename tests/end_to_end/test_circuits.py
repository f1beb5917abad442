"""A number in trouble, seen by a client: over /ws, in the API, and a flood of its reconnections."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.settings import Settings
from tests.end_to_end.stack import Stack, running_stack
from tests.factories import Factory
from tests.sandbox_process import Sandbox

CONTACTS = [{"nome": f"Pessoa {at}", "telefone": f"119{82000000 + at}"} for at in range(12)]


@pytest.fixture
def stack(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> Iterator[Stack]:
    """A stack whose breakers rest for a second."""
    settings = settings_for()
    logs = tmp_path / "output"
    logs.mkdir()
    quick = {"RAPIDFLOW_BREAKER__OPEN_SECONDS": "1"}
    with running_stack(settings, sandbox, logs, quick) as running:
        name = f"loja-{settings.environment}"
        sandbox.create_instance(name)
        answer = running.client.post("/api/instances", json={"name": name, "adopt": True})
        assert answer.status_code == 201, answer.text
        yield running


def instance_of(stack: Stack) -> dict[str, Any]:
    (instance,) = stack.client.get("/api/instances").json()["instances"]
    answer: dict[str, Any] = instance
    return answer


def test_a_client_hears_that_a_number_rests_and_that_it_sends_again(
    stack: Stack, sandbox: Sandbox
) -> None:
    name = instance_of(stack)["name"]
    match = {"route": "message/*", "instance": name}
    sandbox.faults({"match": match, "do": {"error": "connection_closed_500"}})
    created = stack.campaign(CONTACTS, delayMin=0.2, delayMax=0.2)["campaign"]["campaign_id"]
    heard: list[dict[str, Any]] = []

    async def follow() -> None:
        ticket = (await asyncio.to_thread(stack.client.post, "/api/ws/ticket")).json()["ticket"]
        url = f"{str(stack.client.base_url).rstrip('/')}/ws?ticket={ticket}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as sock:
            await sock.send_json({"type": "resume", "campaignId": created, "afterSeq": 0})
            while not heard or heard[-1]["event"] != "campaign_complete":
                frame = await sock.receive_json()
                if frame["type"] != "campaign_update":
                    continue
                if frame["data"]["event"] == "circuit_open" and not resting:
                    resting.update(await asyncio.to_thread(instance_of, stack))
                    detail = await asyncio.to_thread(
                        lambda: stack.client.get(f"/api/campaigns/{created}").json()
                    )
                    (used,) = detail["campaign"]["instances"]
                    shown.update(used["breaker"])
                    sandbox.faults()
                heard.append(frame["data"])

    resting: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    asyncio.run(asyncio.wait_for(follow(), 60))
    told = [event for event in heard if event["event"].startswith("circuit_")]
    assert set(told[0]) == {
        "event", "instance", "reason", "reasonText", "openUntil", "errorsInARow",
    }  # fmt: skip
    assert (told[0]["instance"], told[0]["reason"]) == (name, "instance_offline")
    assert told[-1] == {"event": "circuit_closed", "instance": name}
    assert resting["breaker"]["state"] in {"open", "half-open"}
    assert resting["breaker"]["reason_text"] == told[0]["reasonText"]
    assert resting["breaker"]["open_until"] is not None
    assert set(shown) == set(resting["breaker"])
    assert heard[-1]["totalSent"] == len(CONTACTS) == len(sandbox.ledger(name))
    assert instance_of(stack)["breaker"]["state"] == "closed"


def test_a_flood_of_reconnections_writes_a_row_a_second_and_is_never_refused(
    stack: Stack, sandbox: Sandbox, settings_for: Callable[..., Settings]
) -> None:
    name = instance_of(stack)["name"]
    before = sandbox.stats()["webhooks"].get("delivered", 0)
    sandbox.client.post(
        f"/sandbox/instances/{name}/flood", json={"per_second": 40, "for_ms": 4000}
    ).raise_for_status()
    until = time.monotonic() + 30
    while sandbox.stats()["webhooks"].get("delivered", 0) < before + 160:
        assert time.monotonic() < until, "not every event was taken"
        time.sleep(0.1)
    seconds = 30 - (until - time.monotonic())
    connecting = Factory(settings_for()).value(
        "SELECT count(*) FROM provider_inbox WHERE body->>'state' = 'connecting'"
    )
    assert 1 <= int(str(connecting)) <= seconds + 3
    assert instance_of(stack)["state"] == "open"
