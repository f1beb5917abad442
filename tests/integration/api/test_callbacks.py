"""Campaigns that an external workflow sends, and what it reports of them."""

import base64
import hmac
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.api.conftest import Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


class External:
    """An external campaign and the workflow that reports on it."""

    def __init__(self, owner: Person, count: int) -> None:
        answer = owner.create(count, executor="external")
        self.client: FlaskClient = owner.client
        self.owner = owner
        self.id: str = answer["campaign"]["campaign_id"]
        self.number: int = answer["campaign"]["id"]
        self.callback: dict[str, str] = answer["callback"]
        self.token = self.callback["token"]

    def say(self, what: str, body: Any, token: str | None = None) -> TestResponse:
        headers = {"X-Callback-Token": self.token if token is None else token}
        return self.client.post(f"/api/campaigns/{self.id}/{what}", json=body, headers=headers)

    def contact(self, number: int, status: str = "sent", **more: Any) -> TestResponse:
        phone = f"551198{number:07d}"
        return self.say("update-status", {"phone": phone, "status": status, **more})

    @property
    def metrics(self) -> dict[str, Any]:
        answer = self.owner.get(f"/api/campaigns/{self.id}/metrics").get_json()
        return dict(answer["metrics"])


@pytest.fixture
def external(owner: Person) -> Callable[[int], External]:
    return lambda count: External(owner, count)


def events_of(conn: Conn, campaign: int) -> list[dict[str, Any]]:
    rows = conn.execute(
        "SELECT e FROM campaign_events, jsonb_array_elements(events) AS e"
        " WHERE campaign_id = %s ORDER BY (e->>'seq')::int",
        (campaign,),
    )
    return [row[0] for row in rows]


def test_the_workflow_is_told_where_to_report_and_with_what(
    owner: Person, external: Callable[[int], External]
) -> None:
    campaign = external(1)
    assert campaign.token.startswith("whsec_")
    assert campaign.callback["header"] == "X-Callback-Token"
    assert campaign.callback["update_status"].endswith(
        f"/api/campaigns/{campaign.id}/update-status"
    )
    shown = owner.get(f"/api/campaigns/{campaign.id}").text
    assert campaign.token not in shown


def test_a_campaign_from_first_word_to_last(
    external: Callable[[int], External], engine_conn: Conn
) -> None:
    campaign = external(6)
    answer = campaign.contact(0, contactName="Pessoa 0", messageText="Olá, do fluxo!")
    assert answer.get_json() == {
        "success": True,
        "applied": True,
        "campaign_status": "running",
        "message_status": "sent",
    }
    for number in range(1, 5):
        campaign.contact(number)
    assert campaign.metrics["status"] == "running"
    ended = campaign.contact(5, "error", error="O número não existe").get_json()
    assert ended["campaign_status"] == "completed"
    metrics = campaign.metrics
    assert (metrics["sent_count"], metrics["error_count"]) == (5, 1)
    events = events_of(engine_conn, campaign.number)
    names = [event["event"] for event in events]
    assert names[:3] == ["campaign_created", "campaign_started", "message_sent"]
    assert names[-2:] == ["progress", "campaign_complete"]
    assert events[-1]["totalSent"] == 5
    messages = campaign.owner.get(f"/api/campaigns/{campaign.id}/messages").get_json()["messages"]
    assert messages[0]["message_text"] == "Olá, do fluxo!"
    assert messages[5]["reason"] == "external_error"
    assert messages[5]["detail"] == "O número não existe"


def test_a_report_that_comes_twice_counts_once(external: Callable[[int], External]) -> None:
    campaign = external(3)
    assert campaign.contact(0).get_json()["applied"] is True
    again = campaign.contact(0).get_json()
    assert (again["applied"], again["message_status"]) == (False, "sent")
    late = campaign.contact(0, "error").get_json()
    assert (late["applied"], late["message_status"]) == (False, "sent")
    assert campaign.metrics["sent_count"] == 1


def test_reports_of_one_contact_at_the_same_moment_count_once(
    external: Callable[[int], External],
) -> None:
    campaign = external(2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: campaign.contact(0).get_json(), range(8)))
    assert sum(answer["applied"] for answer in answers) == 1
    assert campaign.metrics["sent_count"] == 1


def test_a_send_after_an_error_replaces_it(
    external: Callable[[int], External], engine_conn: Conn
) -> None:
    campaign = external(2)
    campaign.contact(0, "failed")
    assert campaign.metrics["error_count"] == 1
    assert campaign.contact(0).get_json()["applied"] is True
    metrics = campaign.metrics
    assert (metrics["sent_count"], metrics["error_count"]) == (1, 0)
    hours = engine_conn.execute("SELECT sum(sent), sum(failed) FROM campaign_hours").fetchone()
    days = engine_conn.execute("SELECT sum(sent), sum(failed) FROM usage_daily").fetchone()
    assert hours == days == (1, 0)
    shown = campaign.owner.get(f"/api/campaigns/{campaign.id}/performance").get_json()
    assert shown["performance"]["top_errors"] == []


def test_both_forms_of_a_number_are_the_same_contact(external: Callable[[int], External]) -> None:
    campaign = external(1)
    body = {"phone": "+55 (11) 98000-0000", "status": "sent"}
    assert campaign.say("update-status", body).get_json()["applied"] is True


def test_progress_is_told_once_and_never_backwards(
    external: Callable[[int], External], engine_conn: Conn
) -> None:
    campaign = external(10)
    first = campaign.say("progress", {"currentPosition": 5, "sent": 4, "errors": 1})
    assert first.get_json()["applied"] is True
    same = campaign.say("progress", {"currentPosition": 5, "sent": 4, "errors": 1})
    assert same.get_json()["applied"] is False
    older = campaign.say("progress", {"currentPosition": 3, "sent": 3, "errors": 0})
    assert older.get_json()["applied"] is False
    told = [e for e in events_of(engine_conn, campaign.number) if e["event"] == "progress"]
    assert [(event["currentPosition"], event["progressPercentage"]) for event in told] == [(5, 50)]
    report = campaign.metrics["reported"]
    assert (report["current_position"], report["sent"], report["errors"]) == (5, 4, 1)


def test_what_was_never_reported_is_in_doubt_at_the_end(
    external: Callable[[int], External], engine_conn: Conn
) -> None:
    campaign = external(5)
    campaign.contact(0)
    answer = campaign.say("complete", {"totalSent": 4, "totalErrors": 1}).get_json()
    assert (answer["applied"], answer["campaign_status"]) == (True, "completed")
    metrics = campaign.metrics
    assert (metrics["sent_count"], metrics["in_doubt_count"]) == (1, 4)
    assert metrics["completed_with_doubts"] is True
    last = events_of(engine_conn, campaign.number)[-1]
    assert last["event"] == "campaign_complete"
    assert (last["totalSent"], last["totalErrors"], last["successRate"]) == (4, 1, 80)
    again = campaign.say("complete", {"totalSent": 4, "totalErrors": 1}).get_json()
    assert again["applied"] is False
    late = campaign.contact(1).get_json()
    assert (late["applied"], late["message_status"]) == (True, "sent")
    assert campaign.metrics["in_doubt_count"] == 3


def test_the_engine_never_sends_an_external_campaign(
    external: Callable[[int], External], engine_conn: Conn
) -> None:
    campaign = external(2)
    row = engine_conn.execute(
        "SELECT count(*) FROM campaign_pace WHERE campaign_id = %s", (campaign.number,)
    ).fetchone()
    assert row == (0,)
    retry = campaign.owner.post(f"/api/campaigns/{campaign.id}/retry-failed")
    assert (retry.status_code, retry.get_json()["error"]["code"]) == (409, "campaign_external")


def test_a_cancelled_campaign_tells_its_workflow(external: Callable[[int], External]) -> None:
    campaign = external(2)
    campaign.contact(0)
    campaign.owner.post(f"/api/campaigns/{campaign.id}/cancel")
    answer = campaign.contact(1).get_json()
    assert (answer["applied"], answer["campaign_status"]) == (False, "cancelled")


@pytest.mark.parametrize("what", ["update-status", "progress", "complete"])
def test_campaigns_of_the_engine_answer_409_and_stay_as_they_are(owner: Person, what: str) -> None:
    campaign = owner.create(2)["campaign"]
    body = {
        "update-status": {"phone": "5511980000000", "status": "sent"},
        "progress": {"currentPosition": 1, "sent": 1, "errors": 0},
        "complete": {"totalSent": 2, "totalErrors": 0},
    }[what]
    for reference in (campaign["id"], campaign["campaign_id"]):
        answer = owner.client.post(f"/api/campaigns/{reference}/{what}", json=body)
        assert answer.status_code == 409
        assert answer.get_json()["error"]["code"] == "not_external"
    after = owner.get(f"/api/campaigns/{campaign['id']}").get_json()["campaign"]
    assert (after["status"], after["processed_count"]) == ("pending", 0)


def test_only_the_campaigns_own_token_counts(
    person: Callable[..., Person], external: Callable[[int], External]
) -> None:
    campaign, other = external(2), external(2)
    body = {"phone": "5511980000000", "status": "sent"}
    assert (
        campaign.client.post(f"/api/campaigns/{campaign.id}/update-status", json=body).status_code
        == 401
    )
    assert campaign.say("update-status", body, token="whsec_AAAA").status_code == 401
    assert campaign.say("update-status", body, token=other.token).status_code == 401
    assert campaign.say("update-status", body, token="").status_code == 401
    stranger = person("owner")
    foreign = stranger.post(
        f"/api/campaigns/{campaign.id}/update-status",
        body,
        headers={"X-Callback-Token": campaign.token},
    )
    assert foreign.status_code == 404
    assert campaign.client.post("/api/campaigns/999999/complete", json={}).status_code == 404
    assert campaign.metrics["processed_count"] == 0


def sign(token: str, identifier: str, at: int, body: bytes) -> dict[str, str]:
    key = base64.b64decode(token.removeprefix("whsec_"))
    mark = hmac.digest(key, f"{identifier}.{at}.".encode() + body, "sha256")
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1,AAAA v1," + base64.b64encode(mark).decode(),
        "Content-Type": "application/json",
    }


def test_a_standard_webhooks_signature_serves_as_well(
    external: Callable[[int], External],
) -> None:
    campaign = external(2)
    path = f"/api/campaigns/{campaign.id}/update-status"
    body = b'{"phone": "5511980000000", "status": "sent"}'
    now = int(time.time())
    old = campaign.client.post(path, data=body, headers=sign(campaign.token, "m1", now - 301, body))
    assert old.status_code == 401
    other = sign(campaign.token, "m1", now, b"{}")
    assert campaign.client.post(path, data=body, headers=other).status_code == 401
    good = campaign.client.post(path, data=body, headers=sign(campaign.token, "m1", now, body))
    assert (good.status_code, good.get_json()["applied"]) == (200, True)


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("update-status", {"status": "sent"}, "phone"),
        ("update-status", {"phone": "5511980000000", "status": "gone"}, "status"),
        ("update-status", {"phone": "5511980000000", "status": "sent", "x": 1}, "x"),
        ("progress", {"currentPosition": -1, "sent": 0, "errors": 0}, "currentPosition"),
        ("complete", {"totalSent": "4", "totalErrors": 0}, "totalSent"),
    ],
)
def test_faults_of_a_report_are_named(
    external: Callable[[int], External], what: str, body: dict[str, Any], field: str
) -> None:
    answer = external(1).say(what, body)
    assert answer.status_code == 422
    assert [item["path"] for item in answer.get_json()["error"]["fields"]] == [field]


def test_an_unknown_phone_is_no_contact_of_the_campaign(
    external: Callable[[int], External],
) -> None:
    answer = external(1).say("update-status", {"phone": "5521999998888", "status": "sent"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "contact_not_found")


def test_a_repeated_creation_gives_the_same_token_and_stores_none(
    owner: Person, engine_conn: Conn
) -> None:
    body = campaign_body(1, executor="external")
    headers = {"Idempotency-Key": "externa-1"}
    first = owner.post("/api/campaigns", body, headers=headers).get_json()
    again = owner.post("/api/campaigns", body, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json()["callback"] == first["callback"]
    kept = engine_conn.execute("SELECT answer::text FROM idempotency_keys").fetchone()
    assert kept is not None
    assert "whsec_" not in kept[0]


def test_an_external_campaign_names_no_instances(owner: Person) -> None:
    body = campaign_body(1, executor="external", config={"instance": "vendas"})
    answer = owner.post("/api/campaigns", body)
    assert answer.status_code == 422


def test_the_old_workflows_address_creates_a_campaign_with_a_key(owner: Person) -> None:
    body = {**campaign_body(2), "campaignId": "CAMP-123"}
    first = owner.post("/webhook/prisma-campaign", body)
    assert first.status_code == 201
    campaign = first.get_json()["campaign"]
    assert campaign["reference"] == "CAMP-123"
    by_reference = owner.get("/api/campaigns/CAMP-123").get_json()["campaign"]
    assert by_reference["campaign_id"] == campaign["campaign_id"]
    again = owner.post("/webhook/prisma-campaign", body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json()["campaign"]["id"] == campaign["id"]
    other = owner.post("/webhook/prisma-campaign", {**body, "name": "Outra"})
    assert other.status_code == 422
    unnamed = owner.post("/webhook/prisma-campaign", {"contacts": body["contacts"]})
    assert unnamed.get_json()["campaign"]["name"] == "Campanha"


def test_a_reference_belongs_to_one_campaign_for_good(owner: Person, engine_conn: Conn) -> None:
    body = {**campaign_body(1), "campaignId": 7}
    assert owner.post("/webhook/prisma-campaign", body).status_code == 201
    engine_conn.execute("DELETE FROM idempotency_keys")
    answer = owner.post("/webhook/prisma-campaign", body)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "campaign_exists")


def test_a_viewer_creates_nothing_through_the_old_address(person: Callable[..., Person]) -> None:
    assert person("viewer").post("/webhook/prisma-campaign", campaign_body(1)).status_code == 403
