"""Instances against the sandbox, over real HTTP."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.db import dispatch
from shared.settings import Settings
from tests.integration.api.conftest import Person
from tests.sandbox_process import Sandbox

Conn = psycopg.Connection[tuple[Any, ...]]
WEBHOOKS = "http://api.internal:5000"


@pytest.fixture
def name(sandbox: Sandbox) -> str:
    del sandbox
    return f"api-{secrets.token_hex(4)}"


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """Evolution reaches us under another address than people do."""
    return settings_for(http={"trusted_proxies": 0}, webhook_url=WEBHOOKS)


def webhook_of(sandbox: Sandbox, name: str) -> dict[str, Any]:
    return dict(sandbox.client.get(f"/webhook/find/{name}").json())


def exists(sandbox: Sandbox, name: str) -> bool:
    params = {"instanceName": name}
    return sandbox.client.get("/instance/fetchInstances", params=params).status_code == 200


def test_create_shows_a_qr_and_opens(owner: Person, sandbox: Sandbox, name: str) -> None:
    made = owner.post("/api/instances", {"name": name, "qrcode": True})
    assert made.status_code == 201, made.text
    answer = made.get_json()
    assert answer["instance"]["name"] == name
    assert answer["qrcode"]["base64"].startswith("data:image/png;base64,")
    assert "token" not in str(answer)
    webhook = webhook_of(sandbox, name)
    assert webhook["url"] == f"{WEBHOOKS}/webhooks/evolution/{answer['instance']['public_id']}"
    assert webhook["headers"]["jwt_key"]
    sandbox.set_state(name, state="open")
    assert owner.get(f"/api/instances/{name}").get_json()["instance"]["state"] == "open"
    listed = owner.get("/api/instances").get_json()["instances"]
    assert [(item["name"], item["state"]) for item in listed] == [(name, "open")]


def test_delete_removes_what_we_made(owner: Person, sandbox: Sandbox, name: str) -> None:
    owner.post("/api/instances", {"name": name})
    assert owner.ask("DELETE", f"/api/instances/{name}").status_code == 200
    assert owner.get(f"/api/instances/{name}").status_code == 404
    assert _gone(sandbox, name)


def test_adopted_ones_are_only_let_go(owner: Person, sandbox: Sandbox, name: str) -> None:
    sandbox.create_instance(name)
    adopted = owner.post("/api/instances", {"name": name, "adopt": True})
    assert adopted.status_code == 201, adopted.text
    assert adopted.get_json()["instance"]["state"] == "open"
    assert webhook_of(sandbox, name)["enabled"] is True
    assert owner.ask("DELETE", f"/api/instances/{name}").status_code == 200
    assert exists(sandbox, name)
    assert webhook_of(sandbox, name)["enabled"] is False


def test_a_name_is_held_once(
    owner: Person, person: Callable[..., Person], sandbox: Sandbox, name: str
) -> None:
    sandbox.create_instance(name)
    assert owner.post("/api/instances", {"name": name, "adopt": True}).status_code == 201
    stranger = person("owner")
    without = stranger.post("/api/instances", {"name": name, "adopt": True})
    assert without.status_code == 422
    assert without.get_json()["error"]["fields"][0]["code"] == "token_required"
    body = {"name": name, "adopt": True, "token": f"TOKEN-{name}"}
    taken = stranger.post("/api/instances", body)
    assert (taken.status_code, taken.get_json()["error"]["code"]) == (409, "instance_taken")
    wrong = stranger.post("/api/instances", {**body, "token": "nope"})
    assert wrong.status_code == 422
    assert stranger.get(f"/api/instances/{name}").status_code == 404


def test_creating_an_existing_one_changes_nothing(
    owner: Person, sandbox: Sandbox, name: str, engine_conn: Conn
) -> None:
    sandbox.create_instance(name)
    answer = owner.post("/api/instances", {"name": name})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "instance_exists")
    assert exists(sandbox, name)
    live = engine_conn.execute("SELECT count(*) FROM instances WHERE deleted_at IS NULL")
    assert live.fetchone() == (0,)


def test_evolution_away_leaves_nothing(
    settings_for: Callable[..., Settings], owner: Person, engine_conn: Conn
) -> None:
    from api.app import create_app
    from api.runtime import runtime

    database = runtime(owner.client.application).settings.database_url
    app = create_app(settings_for(evolution_api_url="http://127.0.0.1:1", database_url=database))
    try:
        answer = app.test_client().post(
            "/api/instances", json={"name": "gone"}, headers={"X-API-Key": owner.key}
        )
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
    finally:
        runtime(app).close()
    live = engine_conn.execute("SELECT count(*) FROM instances WHERE deleted_at IS NULL")
    assert live.fetchone() == (0,)


def test_the_only_number_of_a_running_campaign_stays(
    owner: Person, sandbox: Sandbox, name: str, engine_conn: Conn
) -> None:
    sandbox.create_instance(name)
    owner.post("/api/instances", {"name": name, "adopt": True})
    owner.create(config={"instance": name})
    engine_conn.execute("UPDATE campaigns SET status = 'running'")
    refused = owner.ask("DELETE", f"/api/instances/{name}")
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "instance_in_use")


def test_a_closed_one_is_connected_again(owner: Person, sandbox: Sandbox, name: str) -> None:
    sandbox.create_instance(name)
    owner.post("/api/instances", {"name": name, "adopt": True})
    sandbox.set_state(name, state="close")
    assert owner.get(f"/api/instances/{name}").get_json()["instance"]["state"] == "close"
    asked = owner.post(f"/api/instances/{name}/connect")
    assert asked.status_code == 200, asked.text
    assert asked.get_json()["instance"]["state"] in ("connecting", "open")


def test_a_paused_number_gets_no_new_work(
    owner: Person, person: Callable[..., Person], sandbox: Sandbox, name: str, engine_conn: Conn
) -> None:
    sandbox.create_instance(name)
    owner.post("/api/instances", {"name": name, "adopt": True})
    campaign = owner.create(config={"instance": name})["campaign"]["campaign_id"]
    paused = person("operator", tenant=owner.tenant).post(f"/api/instances/{name}/pause")
    assert paused.status_code == 200, paused.text
    since = paused.get_json()["instance"]["paused_at"]
    again = owner.post(f"/api/instances/{name}/pause").get_json()["instance"]["paused_at"]
    assert since == again is not None
    _dispatch(engine_conn)
    shown = owner.get(f"/api/campaigns/{campaign}").get_json()["campaign"]
    assert (shown["status"], shown["waiting_reason"]) == ("pending", "instance_paused")
    resumed = owner.post(f"/api/instances/{name}/resume").get_json()["instance"]
    assert resumed["paused_at"] is None
    _dispatch(engine_conn)
    assert owner.get(f"/api/campaigns/{campaign}").get_json()["campaign"]["status"] == "running"
    viewer = person("viewer", tenant=owner.tenant)
    assert viewer.post(f"/api/instances/{name}/pause").status_code == 403


@pytest.mark.parametrize("name", ["", "a b", "../x", "á", "x" * 101, "a?b"])
def test_names_fit_an_address(owner: Person, name: str) -> None:
    assert owner.post("/api/instances", {"name": name}).status_code == 422


def _dispatch(conn: Conn) -> None:
    """What a tick does before it hands out work."""
    dispatch.start_campaigns(conn)
    dispatch.explain_waiting(conn)


def _gone(sandbox: Sandbox, name: str) -> bool:
    deadline = time.monotonic() + 5
    while exists(sandbox, name) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not exists(sandbox, name)
