"""Campaigns after their creation: retried, copied, changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.integration.api.conftest import Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


def fail_all(conn: Conn, campaign: int, code: str = "unreachable") -> None:
    """As the engine would have left it: every message failed, the campaign over."""
    conn.execute(
        "UPDATE messages SET status = 'failed', reason = %s, attempts = 1 WHERE campaign_id = %s",
        (code, campaign),
    )
    conn.execute(
        "INSERT INTO attempts (tenant_id, campaign_id, position, number, lease_id, ended_at)"
        " SELECT tenant_id, campaign_id, position, 1, gen_random_uuid(), now() FROM messages"
        " WHERE campaign_id = %s",
        (campaign,),
    )
    conn.execute("UPDATE campaign_counters SET failed = total WHERE campaign_id = %s", (campaign,))
    conn.execute(
        "INSERT INTO campaign_errors SELECT tenant_id, campaign_id, 'failed', %s, total"
        " FROM campaign_counters WHERE campaign_id = %s",
        (code, campaign),
    )
    conn.execute(
        "INSERT INTO campaign_hours SELECT tenant_id, campaign_id, date_trunc('hour', now()), 0,"
        " total, 0 FROM campaign_counters WHERE campaign_id = %s",
        (campaign,),
    )
    conn.execute(
        "UPDATE campaigns SET status = 'failed', started_at = now(), finished_at = now()"
        " WHERE campaign_id = %s",
        (campaign,),
    )
    conn.execute("DELETE FROM campaign_pace WHERE campaign_id = %s", (campaign,))


def test_what_failed_is_tried_again_and_nothing_counts_twice(
    owner: Person, engine_conn: Conn
) -> None:
    campaign = owner.create(4)["campaign"]["id"]
    fail_all(engine_conn, campaign)
    answer = owner.post(f"/api/campaigns/{campaign}/retry-failed").get_json()
    assert answer["retried"] == 4
    assert answer["campaign"]["status"] == "pending"
    assert answer["campaign"]["finished_at"] is None
    assert answer["campaign"]["error_count"] == 0
    detail = owner.get(f"/api/campaigns/{campaign}").get_json()["campaign"]
    assert detail["top_errors"] == []
    shown = owner.get(f"/api/campaigns/{campaign}/performance").get_json()["performance"]
    assert sum(hour["errors"] for hour in shown["hourly_analysis"]) == 0
    again = owner.post(f"/api/campaigns/{campaign}/retry-failed")
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "nothing_to_retry")


def test_only_failures_for_the_named_reasons_are_retried(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(4)["campaign"]["id"]
    fail_all(engine_conn, campaign)
    body = {"codes": ["not_on_whatsapp"]}
    answer = owner.post(f"/api/campaigns/{campaign}/retry-failed", body)
    assert answer.status_code == 409
    engine_conn.execute(
        "UPDATE messages SET reason = 'not_on_whatsapp' WHERE campaign_id = %s AND position = 2",
        (campaign,),
    )
    answer = owner.post(f"/api/campaigns/{campaign}/retry-failed", body)
    assert answer.get_json()["retried"] == 1


def test_a_refused_retry_changes_nothing(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(2)["campaign"]["id"]
    engine_conn.execute(
        "UPDATE campaigns SET status = 'completed', finished_at = now() WHERE campaign_id = %s",
        (campaign,),
    )
    assert owner.post(f"/api/campaigns/{campaign}/retry-failed").status_code == 409
    after = owner.get(f"/api/campaigns/{campaign}").get_json()["campaign"]
    assert after["status"] == "completed"
    assert after["finished_at"] is not None


def test_a_retry_asked_twice_with_one_key_happens_once(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(3)["campaign"]["id"]
    fail_all(engine_conn, campaign)
    headers = {"Idempotency-Key": "retry-1"}
    first = owner.post(f"/api/campaigns/{campaign}/retry-failed", headers=headers)
    again = owner.post(f"/api/campaigns/{campaign}/retry-failed", headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json() == first.get_json()


def test_a_clone_has_list_text_and_pace_of_its_original(owner: Person) -> None:
    contacts = [
        {"nome": "Ana", "telefone": "11980000001", "cidade": "Santos"},
        {"nome": "Bia", "telefone": "11980000002", "cidade": "Jundiaí"},
        {"nome": "", "telefone": "11980000003", "cidade": "-"},
    ]
    config = {"systemPrompt": "Oi {{nome}} de {{cidade}}", "delayMin": 7, "delayMax": 9}
    body = campaign_body(contacts=contacts, config=config, name="Natal", priority=3)
    original = owner.post("/api/campaigns", body).get_json()["campaign"]
    answer = owner.post(f"/api/campaigns/{original['id']}/clone")
    assert answer.status_code == 201
    made = answer.get_json()
    assert made["campaign"]["name"] == "Natal (cópia)"
    assert made["validation"]["skipped"] == 1
    path = f"/api/campaigns/{made['campaign']['id']}"
    detail = owner.get(path).get_json()["campaign"]
    assert detail["priority"] == 3
    assert (detail["config"]["delayMin"], detail["config"]["delayMax"]) == (7, 9)
    texts = [line["message_text"] for line in owner.get(f"{path}/messages").get_json()["messages"]]
    assert texts == ["Oi Ana de Santos", "Oi Bia de Jundiaí", None]


def test_a_clone_may_differ_and_take_only_what_failed(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(3)["campaign"]["id"]
    nothing = owner.post(f"/api/campaigns/{campaign}/clone", {"only": "failed"})
    assert (nothing.status_code, nothing.get_json()["error"]["code"]) == (409, "nothing_to_clone")
    engine_conn.execute(
        "UPDATE messages SET status = 'failed' WHERE campaign_id = %s AND position = 1",
        (campaign,),
    )
    body = {"only": "failed", "name": "De novo", "config": {"systemPrompt": "Oi de novo"}}
    made = owner.post(f"/api/campaigns/{campaign}/clone", body).get_json()["campaign"]
    assert (made["name"], made["total_contacts"]) == ("De novo", 1)
    lines = owner.get(f"/api/campaigns/{made['id']}/messages").get_json()["messages"]
    assert [line["message_text"] for line in lines] == ["Oi de novo"]


def test_new_delays_count_from_the_last_message_on(owner: Person, engine_conn: Conn) -> None:
    config = {"delayMin": 3000, "delayMax": 3600}
    campaign = owner.create(5, config=config)["campaign"]["id"]
    engine_conn.execute(
        "UPDATE campaigns SET status = 'running', started_at = now() WHERE campaign_id = %s",
        (campaign,),
    )
    engine_conn.execute(
        "UPDATE campaign_pace SET next_slot_at = now() + interval '50 min',"
        " next_due_at = now() + interval '50 min' WHERE campaign_id = %s",
        (campaign,),
    )
    engine_conn.execute(
        "UPDATE campaign_counters SET last_sent_at = now() - interval '3 s' WHERE campaign_id = %s",
        (campaign,),
    )
    answer = owner.ask(
        "PATCH", f"/api/campaigns/{campaign}", json={"config": {"delayMin": 4, "delayMax": 6}}
    )
    assert answer.status_code == 200
    row = engine_conn.execute(
        "SELECT extract(epoch FROM p.next_slot_at - now()), p.next_due_at <= now(), c.gap_seconds"
        " FROM campaign_pace p JOIN campaign_counters c USING (campaign_id) WHERE campaign_id = %s",
        (campaign,),
    ).fetchone()
    assert row is not None
    assert 0 <= row[0] <= 2.5
    assert (row[1], row[2]) == (True, 5)


def test_delays_that_do_not_fit_together_are_refused(owner: Person) -> None:
    campaign = owner.create(1, config={"delayMin": 10, "delayMax": 20})["campaign"]["id"]
    answer = owner.ask("PATCH", f"/api/campaigns/{campaign}", json={"config": {"delayMin": 30}})
    assert answer.status_code == 422
    fields = answer.get_json()["error"]["fields"]
    assert [field["path"] for field in fields] == ["config.delayMin"]


def test_a_start_is_put_off_brought_forward_and_made_now(owner: Person, engine_conn: Conn) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    campaign = owner.create(2, scheduleAt=later)["campaign"]
    assert campaign["status"] == "scheduled"
    path = f"/api/campaigns/{campaign['id']}"
    sooner = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    moved = owner.ask("PATCH", path, json={"scheduleAt": sooner}).get_json()["campaign"]
    assert moved["status"] == "scheduled"
    assert moved["scheduled_at"][:16] == sooner[:16]
    now = owner.ask("PATCH", path, json={"scheduleAt": None}).get_json()["campaign"]
    assert now["status"] == "pending"
    row = engine_conn.execute(
        "SELECT bool_and(m.due_at <= now()), bool_and(p.next_due_at <= now()) FROM messages m"
        " JOIN campaign_pace p USING (campaign_id) WHERE campaign_id = %s",
        (campaign["id"],),
    ).fetchone()
    assert row == (True, True)


def test_what_has_started_or_ended_keeps_its_start(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(1)["campaign"]["id"]
    path = f"/api/campaigns/{campaign}"
    engine_conn.execute("UPDATE campaigns SET status = 'running', started_at = now()")
    started = owner.ask("PATCH", path, json={"scheduleAt": None})
    assert (started.status_code, started.get_json()["error"]["code"]) == (409, "campaign_started")
    assert owner.ask("PATCH", path, json={"name": "Outro", "priority": 9}).status_code == 200
    engine_conn.execute("UPDATE campaigns SET status = 'completed', finished_at = now()")
    ended = owner.ask("PATCH", path, json={"name": "Tarde demais"})
    assert (ended.status_code, ended.get_json()["error"]["code"]) == (409, "campaign_completed")


@pytest.mark.parametrize("method", ["PATCH", "retry-failed", "clone"])
def test_viewers_and_strangers_change_nothing(person: Callable[..., Person], method: str) -> None:
    owner = person("owner")
    campaign = owner.create(1)["campaign"]["id"]
    viewer, stranger = person("viewer", tenant=owner.tenant), person("owner")
    path = f"/api/campaigns/{campaign}"

    def ask(who: Person) -> int:
        if method == "PATCH":
            return who.ask("PATCH", path, json={"name": "x"}).status_code
        return who.post(f"{path}/{method}").status_code

    assert ask(viewer) == 403
    assert ask(stranger) == 404


def test_totals_of_the_tenant_follow_creation_outcomes_and_retries(
    owner: Person, engine_conn: Conn
) -> None:
    def summary() -> dict[str, Any]:
        answer = owner.get("/api/campaigns/dashboard").get_json()
        return dict(answer["dashboard"]["summary"])

    assert summary()["total_campaigns"] == 0
    first = owner.create(2, executor="external")
    owner.create(1)
    headers = {"X-Callback-Token": first["callback"]["token"]}
    path = f"/api/campaigns/{first['campaign']['id']}"
    for number, status in ((0, "sent"), (1, "error")):
        body = {"phone": f"1198{number:07d}", "status": status}
        owner.client.post(f"{path}/update-status", json=body, headers=headers)
    shown = summary()
    assert (shown["total_campaigns"], shown["completed_campaigns"]) == (2, 1)
    assert (shown["total_sent"], shown["total_errors"]) == (1, 1)
    assert shown["avg_success_rate"] == 50
    body = {"phone": "11980000001", "status": "sent"}
    owner.client.post(f"{path}/update-status", json=body, headers=headers)
    shown = summary()
    assert (shown["total_sent"], shown["total_errors"], shown["avg_success_rate"]) == (2, 0, 100)
