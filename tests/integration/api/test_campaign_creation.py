"""POST /api/campaigns against the real database."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.factories import Factory
from tests.integration.api.conftest import Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


def test_answers_as_the_spec_says(owner: Person) -> None:
    answer = owner.create(
        config={"systemPrompt": "Olá {{nome}}!", "delayMin": 140, "delayMax": 380}
    )
    campaign = answer["campaign"]
    assert answer["success"] is True
    assert isinstance(campaign["id"], int)
    assert campaign["campaign_id"].startswith("CAMP-")
    assert len(campaign["campaign_id"]) == 31
    assert (campaign["name"], campaign["status"]) == ("Teste", "pending")
    assert isinstance(answer["rateLimitRemaining"], int)
    assert answer["validation"]["valid"] == 3


def test_without_a_connected_instance_it_waits(owner: Person) -> None:
    assert owner.create()["campaign"]["waiting_reason"] == "no_instance"


def test_the_first_connected_instance_is_the_default(owner: Person, factory: Factory) -> None:
    first = factory.instance(owner.tenant)
    factory.instance(owner.tenant)
    campaign = owner.create()["campaign"]
    assert campaign["instances"] == [first.name]
    assert campaign["waiting_reason"] is None


def test_rows_carry_rendered_texts_and_reasons(owner: Person, engine_conn: Conn) -> None:
    contacts = [
        {"nome": "João", "telefone": "11 98765-4321", "cidade": "Rio"},
        {"nome": "", "telefone": "11 98765-4322", "cidade": "Rio"},
        {"nome": "Ana", "telefone": "123", "cidade": "Rio"},
        {"nome": "Zé", "telefone": "+55 11 98765 4321", "cidade": "Rio"},
    ]
    config = {"systemPrompt": "Oi {{nome}} de {{cidade}}"}
    answer = owner.post("/api/campaigns", {"name": "x", "contacts": contacts, "config": config})
    report = answer.get_json()["validation"]
    assert report["reasons"] == {"empty_name": 1, "invalid_phone": 1, "duplicate": 1}
    assert [problem["field"] for problem in report["first_problems"]] == [
        "contacts[1].nome",
        "contacts[2].telefone",
        "contacts[3].telefone",
    ]
    rows = engine_conn.execute(
        "SELECT status, reason, body, phone FROM messages JOIN contacts USING"
        " (tenant_id, campaign_id, position) ORDER BY position"
    ).fetchall()
    assert rows[0] == ("pending", None, "Oi João de Rio", "5511987654321")
    assert [row[:3] for row in rows[1:]] == [
        ("skipped", "empty_name", None),
        ("skipped", "invalid_phone", None),
        ("skipped", "duplicate", None),
    ]
    counted = engine_conn.execute(
        "SELECT total, skipped, processed FROM campaign_counters"
    ).fetchone()
    assert counted == (4, 3, 3)
    errors = engine_conn.execute(
        "SELECT kind, sum(count) FROM campaign_errors GROUP BY 1"
    ).fetchone()
    assert errors == ("skipped", 3)


def test_suppressed_people_are_skipped(owner: Person, engine_conn: Conn) -> None:
    engine_conn.execute(
        "INSERT INTO suppressions VALUES (%s, '5511980000001', 'opt_out')",
        (owner.tenant.tenant_id,),
    )
    report = owner.create(3)["validation"]
    assert (report["valid"], report["reasons"]) == (2, {"suppressed": 1})


def test_whom_an_older_system_reached_is_skipped(owner: Person) -> None:
    """In any form of the number; one that cannot be read is refused, not passed over."""
    body = campaign_body(3, alreadySent=["(11) 98000-0001"])
    made = owner.post("/api/campaigns", body)
    assert made.status_code == 201, made.get_json()
    report = made.get_json()["validation"]
    assert (report["valid"], report["reasons"]) == (2, {"already_sent": 1})
    answer = owner.post("/api/campaigns", {**body, "alreadySent": ["11980000001", "1"]})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_already_sent")
    assert [field["path"] for field in error["fields"]] == ["alreadySent[1]"]


def test_nobody_to_write_to_stores_nothing(owner: Person, engine_conn: Conn) -> None:
    body = campaign_body(contacts=[{"nome": "a", "telefone": "1"}])
    answer = owner.post("/api/campaigns", body)
    assert answer.status_code == 422
    error = answer.get_json()["error"]
    assert error["code"] == "no_sendable_contacts"
    assert error["fields"][0]["path"] == "contacts[0].telefone"
    assert engine_conn.execute("SELECT count(*) FROM campaigns").fetchone() == (0,)


def test_every_fault_is_named_at_once(owner: Person) -> None:
    body = {
        "name": "",
        "contacts": [{"nome": "a", "telefone": []}, {"nome": {}, "telefone": "1"}, 3],
        "config": {"delayMin": -1, "delayMax": 4000, "imageUrl": "ftp://x", "colour": 1},
        "tenant_id": 7,
    }
    answer = owner.post("/api/campaigns", body)
    assert answer.status_code == 422
    paths = {field["path"] for field in answer.get_json()["error"]["fields"]}
    assert paths == {
        "name",
        "contacts[0].telefone",
        "contacts[1].nome",
        "contacts[2]",
        "config.delayMin",
        "config.delayMax",
        "config.imageUrl",
        "config.colour",
        "tenant_id",
    }


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"instance": "nope"}, "config.instance"),
        ({"instances": ["nope", "no"]}, "config.instances"),
        ({"model": "gpt-9"}, "config.model"),
        ({"systemPrompt": "Oi {{empresa}}"}, "config.systemPrompt"),
        ({"delayMin": 10, "delayMax": 5}, "config.delayMax"),
        ({"imageUrl": "http://127.0.0.1/x.png"}, "config.imageUrl"),
        ({"imageUrl": "http://2130706433/x.png"}, "config.imageUrl"),
        ({"imageUrl": "http://redis/x.png"}, "config.imageUrl"),
        ({"delayMin": "3"}, "config.delayMin"),
    ],
)
def test_config_faults_name_their_field(owner: Person, config: dict[str, Any], path: str) -> None:
    answer = owner.post("/api/campaigns", campaign_body(config=config))
    assert answer.status_code == 422
    assert [field["path"] for field in answer.get_json()["error"]["fields"]] == [path]


def test_a_text_too_long_for_one_contact_is_refused(owner: Person) -> None:
    contacts = [{"nome": "Ana", "telefone": "11987654321", "x": "y" * 4000}]
    config = {"systemPrompt": "{{x}}{{x}}"}
    answer = owner.post("/api/campaigns", campaign_body(contacts=contacts, config=config))
    assert answer.get_json()["error"]["fields"][0]["path"] == "contacts[0]"


def test_scheduled_for_later(owner: Person) -> None:
    answer = owner.post("/api/campaigns", campaign_body(scheduleAt="2099-01-01T00:00:00Z"))
    assert answer.get_json()["error"]["fields"][0]["path"] == "scheduleAt"
    soon = datetime.now(UTC) + timedelta(hours=1)
    created = owner.create(scheduleAt=soon.isoformat())
    assert created["campaign"]["status"] == "scheduled"


def test_the_same_key_creates_one_campaign(owner: Person, engine_conn: Conn) -> None:
    headers = {"Idempotency-Key": "abc-1"}
    first = owner.post("/api/campaigns", campaign_body(), headers=headers)
    again = owner.post("/api/campaigns", campaign_body(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json() == first.get_json()
    other = owner.post("/api/campaigns", campaign_body(name="Outra"), headers=headers)
    assert other.status_code == 422
    assert other.get_json()["error"]["code"] == "idempotency_key_reused"
    assert engine_conn.execute("SELECT count(*) FROM campaigns").fetchone() == (1,)


def test_a_key_still_in_use_answers_409(owner: Person, engine_conn: Conn) -> None:
    tenant_id = owner.tenant.tenant_id
    with engine_conn.transaction():
        engine_conn.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            (f"{tenant_id}|POST /api/campaigns|k",),
        )
        answer = owner.post("/api/campaigns", campaign_body(), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "1"


def test_created_event_is_stored_with_number_one(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create()["campaign"]
    row = engine_conn.execute(
        "SELECT events, published_at IS NOT NULL FROM campaign_events WHERE campaign_id = %s",
        (campaign["id"],),
    ).fetchone()
    assert row is not None
    assert row[0][0]["event"] == "campaign_created"
    assert row[0][0]["seq"] == 1
    assert row[1] is True


def test_ten_thousand_contacts_in_about_a_second(owner: Person, engine_conn: Conn) -> None:
    body = campaign_body(10_000, config={"systemPrompt": "Olá {{nome}}, tudo bem?"})
    began = time.monotonic()
    answer = owner.post("/api/campaigns", body)
    seconds = time.monotonic() - began
    assert answer.status_code == 201
    assert engine_conn.execute("SELECT count(*) FROM messages").fetchone() == (10_000,)
    print(f"10,000 contacts: {seconds:.2f} s")  # noqa: T201
    assert seconds < 5  # about 1 s alone; others share this machine


def test_ten_thousand_and_one_are_refused(owner: Person) -> None:
    answer = owner.post("/api/campaigns", campaign_body(10_001))
    assert answer.get_json()["error"]["fields"][0]["path"] == "contacts"


def test_a_queue_position_once_the_user_runs_enough(owner: Person, engine_conn: Conn) -> None:
    for _ in range(5):
        owner.create()
    engine_conn.execute("UPDATE campaigns SET status = 'running'")
    assert owner.create()["campaign"]["queue_position"] == 1
    assert owner.create()["campaign"]["queue_position"] == 2
