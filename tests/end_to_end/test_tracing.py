"""Spans of the running stack, as a collector gets them."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.observability.redaction import MASK
from shared.settings import Settings
from tests.collector import Collector, Told, collecting
from tests.end_to_end.stack import Stack, sending_stack
from tests.sandbox_process import Sandbox
from tests.variables import environment_of

NAME = "Zebedeu Canarinho"
WORD = "abracadabra-sigilosa"
REFUSED = "11971234501"
CALLER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
HEADERS = "Authorization=Bearer colecao-canarinha"


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for(log_level="DEBUG")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def tracing_to(url: str) -> dict[str, str]:
    return {"RAPIDFLOW_TRACING__ENDPOINT": url, "RAPIDFLOW_TRACING_HEADERS": HEADERS}


def create(stack: Stack, people: int = 6) -> str:
    body = {
        "name": f"Campanha de {NAME}",
        "contacts": [{"nome": NAME, "telefone": f"119712345{at:02d}"} for at in range(people)],
        "config": {"systemPrompt": f"{WORD} {{{{nome}}}}", "delayMin": 0, "delayMax": 0},
    }
    headers = {
        "traceparent": f"00-{CALLER[0]}-{CALLER[1]}-01",
        "tracestate": f"loja={WORD}",
        "X-Request-Id": "5511971234599",  # callers have odd ideas
    }
    created = stack.client.post("/api/campaigns", json=body, headers=headers)
    assert created.status_code == 201, created.text
    campaign_id: str = created.json()["campaign"]["campaign_id"]
    return campaign_id


def test_a_campaign_can_be_followed_from_its_request_to_the_last_event(
    settings: Settings, sandbox: Sandbox, tmp_path: Path, collector: Collector
) -> None:
    sandbox.number(f"55{REFUSED}", on_whatsapp=False)
    with sending_stack(settings, sandbox, tmp_path / "output", tracing_to(collector.url)) as stack:
        campaign_id = create(stack)
        assert stack.wait_over(campaign_id)["sent_count"] == 5
        key = stack.client.headers["X-API-Key"]
        for name in ("worker", "control", "server"):
            assert stack.stop(name) == 0  # what is left goes out with them
    spans = collector.spans()
    (made,) = (one for one in spans if one.name == "create campaign")
    (asked,) = (one for one in spans if one.span == made.parent)
    _assert_request(asked, campaign_id, made)
    _assert_batches(spans, campaign_id, made)
    _assert_logs_lead_here(settings, spans, campaign_id)
    assert {one["authorization"] for one in collector.headers} == {"Bearer colecao-canarinha"}
    for secret in (NAME, "Zebedeu", WORD, "9712345", "colecao", key):
        assert not any(secret.encode() in body for body in collector.bodies), secret


def _assert_request(asked: Told, campaign_id: str, made: Told) -> None:
    assert (asked.service, asked.name) == ("rapidflow-api", "POST /api/campaigns")
    assert made.attributes["rapidflow.campaign.id"] == campaign_id
    assert asked.links == {(bytes.fromhex(CALLER[0]), bytes.fromhex(CALLER[1]))}
    said = asked.attributes
    assert (said["http.request.method"], said["http.response.status_code"]) == ("POST", 201)
    assert said["rapidflow.tenant.id"] == 1
    assert said["rapidflow.request_id"] == MASK


def _assert_batches(spans: list[Told], campaign_id: str, made: Told) -> None:
    """A trace each, linked to its dispatch and to the request, with what became of its messages."""
    origin = (made.trace, made.span)
    dispatches = {(one.trace, one.span): one for one in spans if one.name == "dispatch"}
    assert all(origin in one.links and not one.parent for one in dispatches.values())
    batches = [one for one in spans if one.name == "send batch"]
    assert batches
    assert len({one.trace for one in batches}) == len(batches)
    for batch in batches:
        assert origin in batch.links
        (dispatch,) = batch.links - {origin}
        assert dispatch in dispatches
        assert not batch.parent
    told = {}
    for message in (one for one in spans if one.name == "send message"):
        assert message.parent in {one.span for one in batches if one.trace == message.trace}
        below = {one.name: one for one in spans if one.parent == message.span}
        steps = {"begin attempt", "POST sendText", "commit verdict", "publish events"}
        assert set(below) == steps
        call = below["POST sendText"].attributes
        assert call["rapidflow.campaign.id"] == campaign_id
        assert call["url.template"] == "/message/sendText/{instance}"
        told[call["rapidflow.message.position"]] = (
            call["rapidflow.verdict"],
            call["http.response.status_code"],
            call.get("rapidflow.error_code"),
            call.get("error.type"),
        )
    assert sorted(told.values(), key=str) == [
        ("failed", 400, "not_on_whatsapp", "not_on_whatsapp"),
        *[("sent", 201, None, None)] * 5,
    ]


def _assert_logs_lead_here(settings: Settings, spans: list[Told], campaign_id: str) -> None:
    path = settings.log_dir / f"campaigns/{campaign_id}.log"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    traces = {line["event"]: line.get("trace_id") for line in lines}
    known = {one.trace.hex(): one.name for one in spans if not one.parent}
    assert known[traces["campaign_created"]] == "POST /api/campaigns"
    assert known[traces["campaign_error_seen"]] == "send batch"


def test_a_collector_that_never_answers_costs_no_message_and_holds_up_no_end(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stuck = tracing_to(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with sending_stack(settings, sandbox, tmp_path / "output", stuck) as stack:
            assert stack.wait_over(create(stack))["sent_count"] == 6
            for name in ("worker", "server"):
                assert stack.stop(name) == 0  # or it is still waiting after 30 s
    written = "".join(path.read_text("utf-8") for path in settings.log_dir.glob("*.log"))
    assert "colecao" not in written


_PROCESSES = {
    "api": "import api.wsgi; api.wsgi.rest()",
    "worker": "import worker.tasks.send, worker.sender, worker.app; worker.app.process.sender",
    "control": "from worker.tasks import tick, dispatch, receipts; tick.tick()",
}


@pytest.mark.parametrize(
    ("process", "endpoint"),
    [("api", ""), ("control", ""), ("worker", ""), ("worker", "http://127.0.0.1:9")],
)
def test_nothing_of_opentelemetry_is_loaded_where_tracing_is_off(
    process: str, endpoint: str, settings: Settings
) -> None:
    code = (
        f"import os, sys\n{_PROCESSES[process]}\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
        "sys.stdout.flush(); os._exit(0)"
    )
    variables = {**environment_of(settings), "RAPIDFLOW_TRACING__ENDPOINT": endpoint}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip() != "[]") == bool(endpoint)
