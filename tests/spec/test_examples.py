"""Every example of the product's own document, run as it stands against a whole installation."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from deploy.local.ports import free_port, is_free
from tests.spec import document
from tests.spec.conftest import EMAIL, PASSWORD, UNKNOWN, Installation, Said

#: JavaScript that only describes: a formula, or code of the old server.
SKETCHES = (
    "// Valida todos os contatos",
    "// Proteção contra cascata",
    "// Retry inteligente",
    "// Notifica backend a cada 5 mensagens",
    "// Teste de conexão\nPOST",
    "let score = 100;",
    "logger.info('Campanha criada'",
    "// Usar middleware de validação",
    "// Verificar estatísticas",
)
RUN = {
    "subscribe": "console.log('Atualização:', data.data)",
    "connection": "handleWebSocketMessage(message)",
    "ping": "{ type: 'ping' }",
    "reconnection": "maxReconnectAttempts",
    "progress": "updateProgressBar",
    "rate limit": "showMessage",
}
#: The only fill-in inside a body: an address that exists.
IMAGE = ("https://...", "https://example.com/promo.png")


def test_no_example_is_left_out() -> None:
    assert {block.language for block in document.blocks()} == {"bash", "javascript", "json", "http"}
    scripts = [block.text for block in document.blocks("javascript")]
    for text in scripts:
        assert text.startswith(SKETCHES) or any(words in text for words in RUN.values()), text
    assert len(scripts) == len(SKETCHES) + len(RUN)
    assert len(document.http_examples()) == 8
    assert len(document.curl_commands()) == 3


def test_it_answers_where_the_document_says(installation: Installation) -> None:
    assert installation.port == 5000 or not is_free(5000)


# --- shell


@pytest.fixture(params=["the machine's curl", "stand-in"])
def curl(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment in which `curl` is a program: the stand-in also where there is no curl."""
    path = os.environ["PATH"]
    if request.param == "stand-in" or shutil.which("curl") is None:
        program = tmp_path / "curl"
        stand_in = Path(__file__).with_name("curl.py")
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" "$@"\n')
        program.chmod(0o755)
        path = f"{tmp_path}:{path}"
    return {"PATH": path}


def test_the_curl_commands_give_the_documented_answers(
    installation: Installation, curl: dict[str, str]
) -> None:
    answers = []
    for command in document.curl_commands():
        done = subprocess.run(
            ["/bin/sh", "-c", installation.at_home(command)],
            env=curl, capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        answers.append(json.loads(done.stdout))
    tested, created, health = answers
    assert tested["success"] is True
    assert tested["version"] == "3.0"
    assert {"WebSocket", "Analytics"} <= set(tested["features"])
    document.assert_documented(document.http_examples()[0].answer, created)
    document.assert_documented(document.json_after("#### Health Check:"), health)
    assert (health["status"], health["version"]) == ("OK", "3.0.0")


# --- HTTP


@pytest.fixture(scope="module")
def finished(installation: Installation) -> str:
    """A campaign that is over, with an error in its report."""
    people = [{"nome": "João", "telefone": f"1199999{at:04d}"} for at in range(4)]
    people.append({"nome": "Ana", "telefone": UNKNOWN})
    created = installation.campaign(0, contacts=people)
    reference: str = created["campaign"]["campaign_id"]
    installation.wait_over(reference)
    return reference


@pytest.fixture(scope="module")
def external(installation: Installation) -> tuple[str, str]:
    """A campaign sent by somebody else, and the token of its callbacks."""
    people = [{"nome": "João", "telefone": "11999999999"}]
    created = installation.campaign(0, contacts=people, executor="external")
    return created["campaign"]["campaign_id"], created["callback"]["token"]


@pytest.mark.parametrize("example", document.http_examples(), ids=lambda one: one.path)
def test_the_requests_give_the_documented_answers(
    example: document.HttpExample,
    installation: Installation,
    finished: str,
    external: tuple[str, str],
) -> None:
    is_callback = "Authorization" not in example.headers
    campaign, token = external if is_callback else (finished, "")
    headers = {name: installation.at_home(text) for name, text in example.headers.items()}
    if is_callback:
        headers["X-Callback-Token"] = token
    answer = send_as_written(
        installation, example.method, example.path.replace(":id", campaign), example.body, headers
    )
    assert answer[0] in {200, 201}, answer
    assert answer[1]["success"] is True
    if example.answer is not None:
        document.assert_documented(example.answer, answer[1])


def send_as_written(
    installation: Installation, method: str, path: str, body: str, headers: dict[str, str]
) -> tuple[int, Any]:
    """Status and JSON of a request whose body is sent as it is written."""
    content = body.replace(*IMAGE).encode() or None
    answer = httpx.request(
        method, installation.address + path, content=content, headers=headers, timeout=20,
        trust_env=False,
    )  # fmt: skip
    return answer.status_code, answer.json()


def test_a_running_campaign_has_the_documented_metrics(installation: Installation) -> None:
    created = installation.campaign(3, delay=600)
    path = f"/api/campaigns/{created['campaign']['id']}"
    until = time.monotonic() + 30
    while (found := installation.ask("GET", f"{path}/metrics").json())["metrics"]["sent_count"] < 1:
        assert time.monotonic() < until, found
        time.sleep(0.1)
    example = document.http_examples()[2]
    assert example.path.endswith("/metrics")
    document.assert_documented(example.answer, found)
    assert found["metrics"]["status"] == "running"
    installation.ask("POST", f"{path}/cancel")


def test_the_old_workflows_address_takes_a_campaign(installation: Installation) -> None:
    key = installation.command("token", "create", "--email", EMAIL, "--name", "fluxo")
    body = {
        "campaignId": "CAMP-123",
        "contacts": [{"nome": "João", "telefone": "11999999999"}],
        "config": {"systemPrompt": "Olá {{nome}}!", "delayMin": 140, "delayMax": 380},
    }
    headers = {"X-API-Key": key, "Authorization": ""}
    answer = installation.ask("POST", "/webhook/prisma-campaign", body, **headers)
    assert answer.status_code == 201, answer.text
    document.assert_documented(document.http_examples()[0].answer, answer.json())


# --- live messages


async def _heard(installation: Installation) -> list[dict[str, Any]]:
    """What a subscriber of the user hears of a new campaign."""
    url = f"{installation.address}/ws?ticket={await asyncio.to_thread(installation.ticket)}"
    frames: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"type": "subscribe_user", "userId": installation.user_id})
        async for message in socket:
            frame = message.json()
            if frame["type"] == "subscribed":
                created = await asyncio.to_thread(installation.campaign, 5)
            if frame["type"] != "campaign_update":
                continue
            if frame["campaignId"] == created["campaign"]["campaign_id"]:
                frames.append(frame)
                if frame["data"]["event"] == "campaign_complete":
                    return frames
    raise AssertionError(frames)


@pytest.fixture(scope="module")
def live(installation: Installation) -> list[dict[str, Any]]:
    return asyncio.run(asyncio.wait_for(_heard(installation), 60))


@pytest.mark.parametrize(
    "title",
    ["Campanha Criada", "Mensagem Enviada", "Progresso Atualizado", "Campanha Concluída"],
)
def test_the_live_messages_are_as_documented(title: str, live: list[dict[str, Any]]) -> None:
    documented = document.json_after(f"#### {title}")
    event = documented["data"]["event"]
    told = [frame for frame in live if frame["data"]["event"] == event]
    assert told
    for frame in told:
        document.assert_documented(documented, frame)


# --- JavaScript


def values(said: list[Said], what: str) -> list[Any]:
    return [value for word, value in said if word == what]


def test_the_subscriber_of_the_overview_hears_its_campaign(installation: Installation) -> None:
    campaign = installation.campaign(20, delay=0.5)["campaign"]["campaign_id"]
    said = installation.run_script(
        document.script(RUN["subscribe"]),
        lambda said: len(values(said, "log")) >= 3,
        tickets=[installation.ticket()],
        campaign=campaign,
    )
    assert values(said, "socket") == ["ws://localhost:5000/ws"]
    for words, update in values(said, "log"):
        assert words == "Atualização:"
        assert update["event"]


def test_the_connection_of_the_document_hears_and_comes_back(installation: Installation) -> None:
    campaign = installation.campaign(20, delay=0.5)["campaign"]["campaign_id"]
    said = installation.run_script(
        document.script(RUN["connection"]),
        lambda said: ("reconnect", None) in said,
        after="realSetTimeout(() => ws.close(), 3000);",
        tickets=[installation.ticket()],
        campaign=campaign,
    )
    logs = [words[0] for words in values(said, "log")]
    assert logs == ["✅ Conectado ao WebSocket", "🔌 Desconectado"]
    assert values(said, "wait") == [5000]
    kinds = [message["type"] for message in values(said, "message")]
    assert kinds.count("subscribed") == 2
    assert "campaign_update" in kinds
    assert "error" not in kinds


def test_a_ping_gets_its_pong_without_signing_in(installation: Installation) -> None:
    said = installation.run_script(
        document.script(RUN["ping"]), lambda said: bool(values(said, "log"))
    )
    assert values(said, "log") == [[{"type": "pong"}]]


def test_the_reconnection_waits_longer_each_time_and_gives_up(installation: Installation) -> None:
    said = installation.run_script(
        document.script(RUN["reconnection"]),
        lambda said: len(values(said, "socket")) == 6,
        after="connect();",
        socket=f"ws://localhost:{free_port()}/ws",
    )
    assert values(said, "wait") == [2000, 4000, 8000, 16000, 30000]


def test_the_reconnection_begins_anew_once_it_is_connected(installation: Installation) -> None:
    installation.run_script(
        document.script(RUN["reconnection"]),
        lambda said: ("again", 0) in said,
        after="""reconnectAttempts = 3; connect();
        setInterval(() => said('again', reconnectAttempts), 50);""",
        tickets=[installation.ticket()],
    )


def test_the_progress_handler_moves_its_bar(installation: Installation) -> None:
    campaign = installation.campaign(12, delay=0.5)["campaign"]["campaign_id"]
    said = installation.run_script(
        document.script(RUN["progress"]),
        lambda said: 100 in values(said, "bar") and 0 in values(said, "eta"),
        before="""const ws = new WebSocket('ws://...');
        const subscription = {type: 'subscribe_campaign', campaignId: 'CAMP-123'};
        ws.onopen = () => ws.send(JSON.stringify(subscription));""",
        tickets=[installation.ticket()],
        campaign=campaign,
    )
    assert values(said, "bar") == sorted(values(said, "bar"))
    assert all(isinstance(seconds, int | float) for seconds in values(said, "eta"))


@pytest.fixture
def hurried(installation: Installation) -> str:
    """The token of somebody whose plan allows one request a minute."""
    email = "apressada@example.com"
    installation.command("tenant", "create", "Apressada")
    installation.command("plan", "set", "Apressada", "--requests-per-minute", "1")
    installation.command(
        "user", "create", "--email", email, "--password", PASSWORD, "--tenant", "Apressada"
    )
    token, _ = installation.sign_in(email)
    return token


def test_the_rate_limit_handler_says_how_long(installation: Installation, hurried: str) -> None:
    body = {"name": "x", "contacts": [{"nome": "João", "telefone": "11999999999"}], "config": {}}

    def run() -> list[Said]:
        return installation.run_script(
            document.script(RUN["rate limit"]),
            lambda said: values(said, "status") not in ([], [429]) or bool(values(said, "shown")),
            token=hurried,
            body=body,
        )

    assert values(run(), "status") == [201]
    refused = run()
    assert values(refused, "status") == [429]
    (shown,) = values(refused, "shown")
    found = re.fullmatch(r"Aguarde (\d+)s", shown)
    assert found
    assert 1 <= int(found[1]) <= 60


# --- files


def test_the_migrations_have_the_documented_names() -> None:
    page = document.PAGE.read_text("utf-8")
    names = re.findall(r"^- `(\d{3}_\w+\.sql)` - ", page, re.MULTILINE)
    assert len(names) == 4
    folder = Path(__file__).parents[2] / "migrations"
    assert all((folder / name).is_file() for name in names)


def test_the_logs_are_where_the_document_looks(installation: Installation, finished: str) -> None:
    (command,) = [
        block.text for block in document.blocks("bash") if block.text.startswith("# Logs")
    ]
    asked = command.split("# Exemplo:")[0]
    done = subprocess.run(
        ["/bin/sh", "-c", asked],
        cwd=installation.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = set(done.stdout.split())
    levels = set(re.findall(r"^\d{4}-\d\d-\d\d-(\w+)\.log$", command, re.MULTILINE))
    assert levels == {"error", "info", "debug"}
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert {f"{today}-info.log", f"{today}-debug.log", "campaigns"} <= listed
    for name in listed - {"campaigns"}:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d-(error|warn|info|debug)\.log", name), name
    assert (installation.folder / "backend/logs/campaigns" / f"{finished}.log").is_file()
