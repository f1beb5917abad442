"""Messages that may have been sent: listed, decided, audited."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.integration.api.conftest import Person

Conn = psycopg.Connection[tuple[Any, ...]]


def put_in_doubt(conn: Conn, campaign: int, *, looks: int = 1) -> None:
    """As the engine would have left it: every message in doubt, the campaign complete."""
    key = (campaign,)
    instance = conn.execute(
        "INSERT INTO instances (tenant_id, public_id, name, adopted, token, webhook_secret)"
        " SELECT tenant_id, 'p' || campaign_id, 'n' || campaign_id, true, '', '' FROM campaigns"
        " WHERE campaign_id = %s RETURNING instance_id",
        key,
    ).fetchone()
    assert instance is not None
    conn.execute(
        "UPDATE messages SET status = 'in_doubt', reason = 'timeout', attempts = 1,"
        " instance_id = %s WHERE campaign_id = %s",
        (*instance, campaign),
    )
    conn.execute(
        "INSERT INTO attempts (tenant_id, campaign_id, position, number, instance_id, lease_id,"
        " ended_at, verdict, code, http_status) SELECT tenant_id, campaign_id, position, 1,"
        " instance_id, gen_random_uuid(), now(), 'unknown', 'timeout', 504 FROM messages"
        " WHERE campaign_id = %s",
        key,
    )
    conn.execute(
        "INSERT INTO open_sends (tenant_id, instance_id, phone, campaign_id, position, attempt,"
        " in_doubt, next_look_at, looks) SELECT tenant_id, instance_id, phone, campaign_id,"
        " position, 1, true, now() + interval '1 minute', %s"
        " FROM messages JOIN contacts USING (tenant_id, campaign_id, position)"
        " WHERE campaign_id = %s",
        (looks, campaign),
    )
    conn.execute(
        "UPDATE campaign_counters SET in_doubt = total, attempts = total WHERE campaign_id = %s",
        key,
    )
    conn.execute(
        "UPDATE campaigns SET status = 'completed', started_at = now(), finished_at = now()"
        " WHERE campaign_id = %s",
        key,
    )
    conn.execute("DELETE FROM campaign_pace WHERE campaign_id = %s", key)
    conn.execute(
        "UPDATE tenant_totals AS x SET in_doubt = x.in_doubt + c.total, completed = x.completed + 1"
        "  FROM campaign_counters AS c WHERE c.campaign_id = %s AND x.tenant_id = c.tenant_id",
        key,
    )


@pytest.fixture
def doubtful(owner: Person, engine_conn: Conn) -> dict[str, Any]:
    """A complete campaign of three doubts."""
    campaign: dict[str, Any] = owner.create(3)["campaign"]
    put_in_doubt(engine_conn, campaign["id"])
    return campaign


def audited(conn: Conn, action: str) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT actor, subject, detail FROM audit_log WHERE action = %s ORDER BY number", (action,)
    ).fetchall()


def test_doubts_are_listed_with_their_evidence(owner: Person, doubtful: dict[str, Any]) -> None:
    answer = owner.get(f"/api/campaigns/{doubtful['id']}/doubts").get_json()
    assert answer["next_cursor"] is None
    first = answer["doubts"][0]
    assert first["position"] == 0
    assert first["campaign_id"] == doubtful["campaign_id"]
    assert first["telefone"] == "5511980000000"
    assert first["reason_text"] == "O serviço de envio não respondeu a tempo"
    assert (first["http_status"], first["attempt"], first["looks"]) == (504, 1, 1)
    assert first["attempt_started_at"] is not None
    assert first["next_look_at"] is not None
    assert first["lookup_works"] is False
    assert first["resent"] is False


def test_doubts_of_all_campaigns_come_a_page_at_a_time(
    owner: Person, doubtful: dict[str, Any], engine_conn: Conn
) -> None:
    second = owner.create(2, contacts=[{"nome": "A", "telefone": "11990000001"}])["campaign"]
    put_in_doubt(engine_conn, second["id"])
    seen, cursor = [], ""
    while cursor is not None:
        page = owner.get(f"/api/doubts?limit=2&cursor={cursor}").get_json()
        assert len(page["doubts"]) <= 2
        seen += [(one["campaign_id"], one["position"]) for one in page["doubts"]]
        cursor = page["next_cursor"]
    assert seen == [(doubtful["campaign_id"], at) for at in range(3)] + [(second["campaign_id"], 0)]


def test_viewers_see_masked_phones_and_decide_nothing(
    person: Callable[..., Person], owner: Person, doubtful: dict[str, Any]
) -> None:
    viewer = person("viewer", tenant=owner.tenant)
    listed = viewer.get("/api/doubts").get_json()["doubts"]
    assert {one["telefone"] for one in listed} == {
        "5511*****0000",
        "5511*****0001",
        "5511*****0002",
    }
    path = f"/api/campaigns/{doubtful['id']}/doubts/decide"
    assert viewer.post(path, {"decision": "sent", "all": True}).status_code == 403


def test_another_tenant_sees_nothing(
    person: Callable[..., Person], doubtful: dict[str, Any]
) -> None:
    other = person("owner")
    assert other.get("/api/doubts").get_json()["doubts"] == []
    path = f"/api/campaigns/{doubtful['campaign_id']}/doubts"
    assert other.get(path).status_code == 404
    body = {"decision": "failed", "all": True}
    assert other.post(f"{path}/decide", body).status_code == 404


@pytest.mark.parametrize(
    ("decision", "sent", "failed", "status"),
    [("sent", 2, 0, "completed"), ("failed", 0, 2, "completed"), ("resend", 0, 0, "pending")],
)
def test_a_decision_moves_the_named_doubts_and_is_audited(
    decision: str,
    sent: int,
    failed: int,
    status: str,
    owner: Person,
    doubtful: dict[str, Any],
    engine_conn: Conn,
) -> None:
    path = f"/api/campaigns/{doubtful['id']}/doubts/decide"
    body = {"decision": decision, "positions": [0, 2], "note": "vi no celular"}
    answer = owner.post(path, body)
    assert answer.status_code == 200, answer.text
    shown = answer.get_json()
    assert shown["decided"] == 2
    campaign = shown["campaign"]
    assert (campaign["sent_count"], campaign["error_count"]) == (sent, failed)
    assert (campaign["in_doubt_count"], campaign["status"]) == (1, status)
    detail = {"decision": decision, "why": "vi no celular", "attempts": [[0, 1], [2, 1]]}
    ((who, subject, written),) = audited(engine_conn, "doubts_decided")
    assert who.startswith(("user:", "key:"))
    assert (subject, written) == (doubtful["campaign_id"], detail)
    assert len(engine_conn.execute("SELECT FROM open_sends").fetchall()) == 1
    assert not engine_conn.execute("SELECT FROM conservation() WHERE NOT balanced").fetchall()


def test_the_same_key_decides_once_and_nothing_left_is_409(
    owner: Person, doubtful: dict[str, Any], engine_conn: Conn
) -> None:
    path = f"/api/campaigns/{doubtful['id']}/doubts/decide"
    body = {"decision": "failed", "all": True}
    first = owner.post(path, body, headers={"Idempotency-Key": "k"})
    again = owner.post(path, body, headers={"Idempotency-Key": "k"})
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(audited(engine_conn, "doubts_decided")) == 1
    refused = owner.post(path, body)
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "no_doubts"


def test_nothing_goes_again_before_the_provider_was_asked(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(2)["campaign"]
    put_in_doubt(engine_conn, campaign["id"], looks=0)
    path = f"/api/campaigns/{campaign['id']}/doubts/decide"
    refused = owner.post(path, {"decision": "resend", "all": True})
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "doubts_too_young"
    assert owner.post(path, {"decision": "failed", "all": True}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "sent"},
        {"decision": "sent", "positions": [1], "all": True},
        {"decision": "sent", "positions": []},
        {"decision": "maybe", "all": True},
        {"positions": [1]},
    ],
)
def test_a_decision_says_what_and_which(
    body: dict[str, Any], owner: Person, doubtful: dict[str, Any]
) -> None:
    path = f"/api/campaigns/{doubtful['id']}/doubts/decide"
    assert owner.post(path, body).status_code == 422


def test_the_policy_of_doubts_is_shown_changed_and_audited(
    owner: Person, engine_conn: Conn
) -> None:
    campaign = owner.create(2)["campaign"]
    path = f"/api/campaigns/{campaign['id']}"
    config = owner.get(path).get_json()["campaign"]["config"]
    assert (config["doubtPolicy"], config["doubtAfterHours"]) == ("hold", 24)
    assert audited(engine_conn, "doubt_policy_set") == []
    change = {"config": {"doubtPolicy": "give_up", "doubtAfterHours": 6}}
    assert owner.ask("PATCH", path, json=change).status_code == 200
    config = owner.get(path).get_json()["campaign"]["config"]
    assert (config["doubtPolicy"], config["doubtAfterHours"]) == ("give_up", 6)
    ((_, subject, detail),) = audited(engine_conn, "doubt_policy_set")
    assert (subject, detail) == (campaign["campaign_id"], {"policy": "give_up", "after_hours": 6})
    for wrong in ({"doubtAfterHours": 0}, {"doubtAfterHours": 169}, {"doubtPolicy": "resend"}):
        assert owner.ask("PATCH", path, json={"config": wrong}).status_code == 422


def test_an_ended_campaign_still_takes_a_policy_and_nothing_else(
    owner: Person, doubtful: dict[str, Any]
) -> None:
    path = f"/api/campaigns/{doubtful['id']}"
    policy = {"config": {"doubtPolicy": "give_up"}}
    assert owner.ask("PATCH", path, json=policy).status_code == 200
    assert owner.ask("PATCH", path, json={**policy, "priority": 2}).status_code == 409


def test_a_policy_given_at_the_creation_is_audited_and_copied(
    owner: Person, engine_conn: Conn
) -> None:
    campaign = owner.create(2, config={"doubtPolicy": "resend_once"})["campaign"]
    copy = owner.post(f"/api/campaigns/{campaign['id']}/clone").get_json()["campaign"]
    shown = owner.get(f"/api/campaigns/{copy['id']}").get_json()["campaign"]["config"]
    assert shown["doubtPolicy"] == "resend_once"
    assert len(audited(engine_conn, "doubt_policy_set")) == 2
    external = {"executor": "external", "config": {"doubtPolicy": "give_up"}}
    body = {"name": "x", "contacts": [{"nome": "A", "telefone": "11990000001"}], **external}
    assert owner.post("/api/campaigns", body).status_code == 422
