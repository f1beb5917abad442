"""The same key, asked again, at once, and after a death in the middle."""

import hashlib
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api.runtime import Runtime
from shared.db import idempotency
from shared.db.idempotency import Asked
from shared.db.pool import tenant_transaction
from tests.integration.api.conftest import PASSWORD, Person, campaign_body
from tests.sandbox_process import Sandbox

Conn = psycopg.Connection[tuple[Any, ...]]


def code(answer: TestResponse) -> str:
    return str(answer.get_json()["error"]["code"])


def at_once(person: Person, path: str, body: Any, key: str, times: int = 8) -> list[TestResponse]:
    """Real parallel requests, each with a client of its own."""
    app = person.client.application
    assert isinstance(app, Flask)

    def ask(_: int) -> TestResponse:
        headers = {"X-API-Key": person.key, "Idempotency-Key": key}
        return app.test_client().post(path, json=body, headers=headers)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(ask, range(times)))


def assert_one_effect(answers: list[TestResponse]) -> dict[str, Any]:
    """One made it; the others were told so or told to wait."""
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    first = [answer for answer in made if "Idempotent-Replayed" not in answer.headers]
    assert len(first) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert code(answer) == "idempotency_in_progress"
            assert answer.headers["Retry-After"] == "1"
    return dict(first[0].get_json())


@pytest.fixture
def name(sandbox: Sandbox) -> str:
    del sandbox
    return f"once-{secrets.token_hex(4)}"


@pytest.fixture
def signed_in(owner: Person) -> dict[str, str]:
    """Headers of a person: a key makes no key."""
    body = {"email": owner.email, "password": PASSWORD}
    token = owner.client.post("/api/auth/login", json=body).get_json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_parallel_creates_make_one_campaign(owner: Person, engine_conn: Conn) -> None:
    assert_one_effect(at_once(owner, "/api/campaigns", campaign_body(), "k"))
    assert engine_conn.execute("SELECT count(*) FROM campaigns").fetchone() == (1,)


def test_parallel_creates_make_one_instance(
    owner: Person, sandbox: Sandbox, name: str, engine_conn: Conn
) -> None:
    shown = assert_one_effect(at_once(owner, "/api/instances", {"name": name}, "k"))
    assert shown["qrcode"]["base64"]
    live = engine_conn.execute("SELECT count(*), min(public_id) FROM instances").fetchone()
    assert live == (1, shown["instance"]["public_id"])
    webhook = sandbox.client.get(f"/webhook/find/{name}").json()
    assert webhook["url"].endswith(shown["instance"]["public_id"])


def test_an_instance_asked_again_is_replayed_without_its_qr(
    owner: Person, name: str, engine_conn: Conn
) -> None:
    headers = {"Idempotency-Key": "k"}
    first = owner.post("/api/instances", {"name": name}, headers=headers)
    again = owner.post("/api/instances", {"name": name}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json() == {**first.get_json(), "qrcode": None}
    kept = engine_conn.execute("SELECT answer FROM idempotency_keys").fetchone()
    assert "base64" not in json.dumps(kept)
    other = owner.post("/api/instances", {"name": f"{name}-b"}, headers=headers)
    assert (other.status_code, code(other)) == (422, "idempotency_key_reused")


def test_a_refused_instance_leaves_its_key_free(owner: Person, sandbox: Sandbox, name: str) -> None:
    headers = {"Idempotency-Key": "k"}
    sandbox.create_instance(name)
    taken = owner.post("/api/instances", {"name": name}, headers=headers)
    assert (taken.status_code, code(taken)) == (409, "instance_exists")
    adopted = owner.post("/api/instances", {"name": name, "adopt": True}, headers=headers)
    assert adopted.status_code == 201
    assert "Idempotent-Replayed" not in adopted.headers


def asked(owner: Person, body: Any) -> Asked:
    raw = owner.client.application.json.dumps(body).encode()
    return Asked(owner.tenant.tenant_id, "POST /api/instances", "k", hashlib.sha256(raw).digest())


def dead_claim(parts: Runtime, owner: Person, body: Any, plan: dict[str, str]) -> None:
    """What a process leaves behind that died right after it claimed the key."""
    with tenant_transaction(parts.pool, owner.tenant.tenant_id) as conn:
        idempotency.begin(conn, asked(owner, body), plan)


def lapse(engine_conn: Conn) -> None:
    engine_conn.execute(
        "UPDATE idempotency_keys SET claimed_until = now() - %s", (timedelta(seconds=1),)
    )


def test_while_a_claim_lives_others_wait(
    owner: Person, parts: Runtime, name: str, engine_conn: Conn
) -> None:
    body = {"name": name}
    dead_claim(parts, owner, body, {"public_id": "x"})
    waiting = owner.post("/api/instances", body, headers={"Idempotency-Key": "k"})
    assert (waiting.status_code, code(waiting)) == (409, "idempotency_in_progress")
    assert waiting.headers["Retry-After"] == "1"
    assert engine_conn.execute("SELECT count(*) FROM instances").fetchone() == (0,)


@pytest.mark.parametrize("reached", ["claimed", "row written", "made in Evolution"])
def test_after_a_death_anywhere_the_next_to_ask_finishes(
    owner: Person,
    parts: Runtime,
    sandbox: Sandbox,
    name: str,
    engine_conn: Conn,
    reached: str,
) -> None:
    body = {"name": name}
    headers = {"Idempotency-Key": "k"}
    public_id = "claimed-before"
    if reached != "claimed":
        made = owner.post("/api/instances", body).get_json()
        public_id = made["instance"]["public_id"]
        if reached == "row written":
            sandbox.client.delete(f"/instance/delete/{name}")
    dead_claim(parts, owner, body, {"public_id": public_id})
    lapse(engine_conn)
    answer = owner.post("/api/instances", body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["instance"]["public_id"] == public_id
    live = engine_conn.execute("SELECT count(*) FROM instances WHERE deleted_at IS NULL")
    assert live.fetchone() == (1,)
    webhook = sandbox.client.get(f"/webhook/find/{name}").json()
    assert webhook["url"].endswith(public_id)
    again = owner.post("/api/instances", body, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_one_of_many_takes_a_dead_claim_over(
    owner: Person, parts: Runtime, name: str, engine_conn: Conn
) -> None:
    dead_claim(parts, owner, {"name": name}, {"public_id": "planned"})
    lapse(engine_conn)
    shown = assert_one_effect(at_once(owner, "/api/instances", {"name": name}, "k"))
    assert shown["instance"]["public_id"] == "planned"
    assert engine_conn.execute("SELECT count(*) FROM instances").fetchone() == (1,)


def test_an_api_key_is_made_once_and_its_secret_never_stored(
    owner: Person, signed_in: dict[str, str], engine_conn: Conn
) -> None:
    headers = {**signed_in, "Idempotency-Key": "k"}
    first = owner.client.post("/api/keys", json={"name": "CRM"}, headers=headers)
    assert first.status_code == 201
    secret = first.get_json()["key"]["secret"]
    again = owner.client.post("/api/keys", json={"name": "CRM"}, headers=headers)
    assert (again.status_code, code(again)) == (409, "api_key_already_created")
    assert secret not in again.text
    kept = engine_conn.execute("SELECT count(*), max(answer::text) FROM idempotency_keys")
    count, answer = kept.fetchone() or (0, "")
    assert count == 1
    assert secret not in answer
    listed = owner.get("/api/keys").get_json()["keys"]
    assert [key["name"] for key in listed].count("CRM") == 1
    used = owner.client.get("/api/me", headers={"X-API-Key": secret})
    assert used.status_code == 200


def test_parallel_creates_make_one_api_key(
    owner: Person, signed_in: dict[str, str], engine_conn: Conn
) -> None:
    app = owner.client.application
    headers = {**signed_in, "Idempotency-Key": "k"}

    def ask(_: int) -> TestResponse:
        return app.test_client().post("/api/keys", json={"name": "CRM"}, headers=headers)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert [answer.status_code for answer in answers].count(201) == 1
    refused = {code(answer) for answer in answers if answer.status_code != 201}
    assert refused <= {"api_key_already_created", "idempotency_in_progress"}
    made = engine_conn.execute("SELECT count(*) FROM api_keys WHERE name = 'CRM'").fetchone()
    assert made == (1,)


def test_a_key_older_than_a_day_is_new_again(owner: Person, engine_conn: Conn) -> None:
    headers = {"Idempotency-Key": "k"}
    owner.post("/api/campaigns", campaign_body(), headers=headers)
    engine_conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    for replayed in (None, "true"):
        answer = owner.post("/api/campaigns", campaign_body(), headers=headers)
        assert answer.status_code == 201
        assert answer.headers.get("Idempotent-Replayed") == replayed
    assert engine_conn.execute("SELECT count(*) FROM campaigns").fetchone() == (2,)


def test_refusals_are_not_kept(owner: Person) -> None:
    headers = {"Idempotency-Key": "k"}
    bad = campaign_body(config={"instance": "outra"})
    assert owner.post("/api/campaigns", bad, headers=headers).status_code == 422
    assert owner.post("/api/campaigns", campaign_body(), headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb", " a"])
def test_keys_are_printable_ascii(owner: Person, key: str) -> None:
    for path, body in (("/api/campaigns", campaign_body()), ("/api/instances", {"name": "a"})):
        answer = owner.post(path, body, headers={"Idempotency-Key": key.encode().decode("latin-1")})
        assert (answer.status_code, code(answer)) == (400, "bad_idempotency_key")


def test_keys_of_two_tenants_have_nothing_to_do_with_each_other(
    person: Any, engine_conn: Conn
) -> None:
    for _ in range(2):
        answer = person("owner").post(
            "/api/campaigns", campaign_body(), headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers
    assert engine_conn.execute("SELECT count(*) FROM campaigns").fetchone() == (2,)
