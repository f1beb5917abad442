"""Asking for a person's data to go, by API."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.db.users import Role
from tests.integration.api.conftest import PASSWORD, Person

Conn = psycopg.Connection[tuple[Any, ...]]


def signed_in(person: Person) -> dict[str, str]:
    body = {"email": person.email, "password": PASSWORD}
    token = person.client.post("/api/auth/login", json=body).get_json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_an_owner_asks_once_it_is_audited_and_nothing_more_is_sent(
    owner: Person, engine_conn: Conn
) -> None:
    headers = {**signed_in(owner), "Idempotency-Key": "k"}
    body = {"telefone": "(11) 8000-0001"}
    for replayed in (None, "true"):
        answer = owner.client.post("/api/erasures", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.headers.get("Idempotent-Replayed") == replayed
        assert answer.get_json()["erasure"]["done_at"] is None
    made = engine_conn.execute("SELECT phone FROM suppressions").fetchall()
    assert made == [("5511980000001",)]
    line = engine_conn.execute(
        "SELECT action, detail FROM audit_log WHERE action LIKE 'erasure%'"
    ).fetchall()
    assert line == [("erasure_requested", {})]
    listed = owner.get("/api/erasures").get_json()["erasures"]
    assert [each["contacts"] for each in listed] == [0]
    assert "980000001" not in str(listed)


def test_an_opt_out_stays_one(owner: Person, engine_conn: Conn) -> None:
    engine_conn.execute(
        "INSERT INTO suppressions (tenant_id, phone, reason)"
        " VALUES (%s, '5511980000001', 'opt_out')",
        (owner.tenant.tenant_id,),
    )
    body = {"telefone": "11980000001"}
    answer = owner.client.post("/api/erasures", json=body, headers=signed_in(owner))
    assert answer.status_code == 201
    assert engine_conn.execute("SELECT reason FROM suppressions").fetchall() == [("opt_out",)]


@pytest.mark.parametrize("role", ["admin", "operator", "viewer"])
def test_only_an_owner_may(role: Role, person: Callable[..., Person]) -> None:
    asker = person(role)
    body = {"telefone": "11980000001"}
    answer = asker.client.post("/api/erasures", json=body, headers=signed_in(asker))
    assert answer.status_code == 403


def test_a_key_may_not(owner: Person) -> None:
    answer = owner.post("/api/erasures", {"telefone": "11980000001"})
    assert answer.get_json()["error"]["code"] == "key_refused"


def test_a_number_that_is_none_is_named(owner: Person) -> None:
    body = {"telefone": "123"}
    answer = owner.client.post("/api/erasures", json=body, headers=signed_in(owner))
    assert answer.status_code == 422
    assert [field["path"] for field in answer.get_json()["error"]["fields"]] == ["telefone"]


def test_a_list_without_its_people_is_still_shown_and_not_cloned(
    owner: Person, engine_conn: Conn
) -> None:
    path = f"/api/campaigns/{owner.create()['campaign']['campaign_id']}"
    assert owner.post(f"{path}/cancel").status_code == 200
    engine_conn.execute("UPDATE contacts SET name = '', phone = '', variables = '{}', body = NULL")
    for shown in ("", "/messages", "/export", "/export?format=csv", "/export?format=xlsx"):
        assert owner.get(path + shown).status_code == 200, shown
    answer = owner.post(f"{path}/clone", {})
    assert answer.get_json()["error"]["code"] == "nothing_to_clone"
