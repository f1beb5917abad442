"""Death at every point: a process kills itself where it hurts most, and is started again."""

import asyncio
import secrets
from typing import Any

import aiohttp
import httpx

from tests.faults.case import Case, run
from tests.faults.registry import doubt, lease, row

_IN_FLIGHT = 4  # two instances, two calls each


def _worker_dies(case: Case, point: str, passes: int) -> None:
    rig = case.rig
    rig.kill("worker")
    rig.sandbox.tune(latency_ms=50)
    rig.start("worker", RAPIDFLOW_FAILPOINT=f"{point}:{passes}")
    case.campaign(40)
    rig.wait_dead("worker")
    rig.start("worker")
    case.healed()
    case.max_doubts = _IN_FLIGHT


def _api_dies(case: Case, point: str) -> httpx.Response:
    """A POST meets its end, and is repeated with the same key elsewhere; the second answer."""
    rig = case.rig
    dying = rig.start_server("server-2", RAPIDFLOW_FAILPOINT=point)
    body = case.body(case.people(12), [rig.instance()])
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    try:
        dying.post("/api/campaigns", json=body, headers=headers)
    except httpx.HTTPError:
        pass
    else:
        case.expect(False, "the API did not die")
    rig.kill("server-2")
    case.healed()
    answer = rig.client.post("/api/campaigns", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    case.adopt(body, answer.json())
    named = rig.rows("SELECT 1 FROM campaigns WHERE name = %s", body["name"])
    case.expect(len(named) == 1, f"{len(named)} campaigns of one request")
    return answer


@row("death", within=10)
def api_before_commit(case: Case) -> None:
    """API before its commit"""
    answer = _api_dies(case, "api_before_commit")
    case.expect("Idempotent-Replayed" not in answer.headers, "half a campaign was kept")


@row("death", within=10)
def api_after_commit(case: Case) -> None:
    """API after its commit, before answer and enqueue"""
    answer = _api_dies(case, "api_after_commit")
    case.expect(answer.headers.get("Idempotent-Replayed") == "true", "made anew")


@row("death", within=lease, real=True)
def dispatch_leased(case: Case) -> None:
    """dispatch after leasing, before enqueue"""
    rig = case.rig
    rig.kill("control")
    rig.start("control", RAPIDFLOW_FAILPOINT="dispatch_leased")
    case.campaign(30)
    rig.wait_dead("control")
    rig.start("control")
    case.healed()


@row("death", within=lease)
def worker_before_begin(case: Case) -> None:
    """worker before it begins an attempt"""
    _worker_dies(case, "worker_before_begin", 12)


@row("death", within=doubt, short=True, real=True)
def worker_after_begin(case: Case) -> None:
    """worker after the begin is committed, before the first byte"""
    _worker_dies(case, "worker_after_begin", 12)


@row("death", within=doubt)
def worker_after_first_byte(case: Case) -> None:
    """worker after the first byte"""
    _worker_dies(case, "worker_after_first_byte", 12)


@row("death", within=doubt)
def worker_after_answer(case: Case) -> None:
    """worker after the answer, before the verdict is committed"""
    _worker_dies(case, "worker_after_answer", 12)


@row("death", within=doubt)
def worker_after_verdict(case: Case) -> None:
    """worker after the verdict, before it is told"""
    _worker_dies(case, "worker_after_verdict", 6)
    case.settle()
    _expect_all_events(case)


@row("death", within=doubt)
def worker_before_ack(case: Case) -> None:
    """worker after taking a batch, before acknowledging it"""
    _worker_dies(case, "worker_before_ack", 1)


@row("death", within=doubt)
def sweep_before_commit(case: Case) -> None:
    """sweep in mid-run"""
    rig = case.rig
    rig.kill("control")
    rig.start("control", RAPIDFLOW_FAILPOINT="sweep_before_commit")
    _worker_dies(case, "worker_after_first_byte", 8)
    rig.wait_dead("control")
    rig.start("control")
    case.healed()


@row("death", within=doubt)
def reconcile_looked_up(case: Case) -> None:
    """reconcile in mid-run"""
    rig = case.rig
    rig.kill("control")
    rig.start("control", RAPIDFLOW_FAILPOINT="reconcile_looked_up")
    rig.sandbox.faults(
        {
            "match": {"route": "sendText"},
            "times": 2,
            "do": {"reset": True, "send": True, "lose_events": ["SEND_MESSAGE", "MESSAGES_UPDATE"]},
        }
    )
    case.campaign(20)
    rig.wait_dead("control")
    rig.start("control")
    case.healed()
    case.max_doubts = 2


@row("death", within=15)
def receipts_before_commit(case: Case) -> None:
    """receipts in mid-run"""
    rig = case.rig
    rig.kill("control")
    rig.start("control", RAPIDFLOW_FAILPOINT="receipts_before_commit:2")
    case.campaign(20)
    rig.wait_dead("control")
    rig.start("control")
    case.healed()
    rig.wait(lambda: case.count("read") == 20, "receipts were lost", seconds=30)


@row("death", within=30)
def webhook_before_commit(case: Case) -> None:
    """webhook handler before its commit"""
    rig = case.rig
    rig.kill("server")
    rig.start("server", RAPIDFLOW_FAILPOINT="webhook_before_commit:5")
    rig.wait_answering(rig.client)
    before = rig.children("server")
    case.campaign(12, instances=[rig.instance()])
    rig.wait(lambda: rig.children("server") != before, "no webhook killed the server")
    rig.kill("server")
    rig.start("server")
    case.healed()
    rig.wait(lambda: case.count("read") == 12, "receipts were lost", seconds=60)


@row("death", within=15)
def gateway(case: Case) -> None:
    """gateway under an open socket"""
    rig = case.rig
    dying = rig.start_server("server-2")
    rig.sandbox.tune(latency_ms=100)
    campaign = case.campaign(60)
    numbers = run(_hear(str(dying.base_url), rig.client, campaign.public_id, 0, until=15))
    rig.kill("server-2")
    case.healed()
    base = str(rig.client.base_url)
    numbers += run(_hear(base, rig.client, campaign.public_id, numbers[-1], until=None))
    case.expect(numbers == list(range(1, len(numbers) + 1)), "events were missed")


@row("death", within=10)
def beat(case: Case) -> None:
    """beat"""
    case.campaign(30)
    case.rig.kill("beat")
    case.campaign(30)
    case.rig.start("beat")
    case.healed()


async def _hear(
    base: str, client: httpx.Client, campaign_id: str, after: int, *, until: int | None
) -> list[int]:
    """Event numbers after one; up to a number, or to the end of the campaign."""
    ticket = client.post("/api/ws/ticket").json()["ticket"]
    heard: list[int] = []
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{base.rstrip('/')}/ws?ticket={ticket}") as socket,
    ):
        await socket.send_json({"type": "subscribe_campaign", "campaignId": campaign_id})
        await socket.send_json({"type": "resume", "campaignId": campaign_id, "afterSeq": after})
        async for message in socket:
            frame: dict[str, Any] = message.json()
            if frame["type"] != "campaign_update":
                continue
            if frame["seq"] > after and frame["seq"] not in heard:
                heard.append(frame["seq"])
            if until is not None and len(heard) >= until:
                return heard
            if frame["data"]["event"] == "campaign_complete":
                await asyncio.sleep(0)
                return heard
    return heard


def _expect_all_events(case: Case) -> None:
    """What a dead process could not tell is told by another one."""
    case.rig.wait(
        lambda: (
            not case.rig.rows(
                "SELECT 1 FROM campaign_events WHERE published_at IS NULL"
                " AND campaign_id = ANY(%s)",
                case.ids,
            )
        ),
        "events were left untold",
        seconds=15,
    )
    gaps = case.rig.rows(
        "SELECT 1 FROM (SELECT first_seq, lag(last_seq, 1, 0::bigint) OVER"
        " (PARTITION BY campaign_id ORDER BY last_seq) AS before FROM campaign_events"
        " WHERE campaign_id = ANY(%s)) AS told WHERE first_seq <> before + 1",
        case.ids,
    )
    case.expect(not gaps, "event numbers have gaps")
