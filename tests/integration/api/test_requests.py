"""Bodies, errors, headers, health."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from shared.settings import Settings
from tests.integration.api.conftest import Person, campaign_body


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b'{"a":1,"a":2}', 400),
        (b'{"name":NaN}', 400),
        (b'{"name":1e999}', 400),
        (b'{"name":"\\u0000"}', 400),
        (b'{"name":"\\ud800"}', 400),
        (b'{"name":"\xff"}', 400),
        (b"[" * 21 + b"]" * 21, 400),
        (b"[" * 100_000, 400),
        (b'{"name":' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"3", 422),
        (b"null", 422),
        (b'{"name":"' + b"x" * 5_000_000 + b'"}', 413),
    ],
)
def test_bodies_are_read_strictly(owner: Person, raw: bytes, status: int) -> None:
    answer = owner.ask("POST", "/api/campaigns", data=raw, content_type="application/json")
    assert answer.status_code == status
    assert answer.get_json()["success"] is False


def test_chunked_bodies_are_capped_while_reading(owner: Person) -> None:
    class Endless:
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size if size > 0 else 65536
            assert self.given < 10_000_000
            return b"x" * (size if size > 0 else 65536)

        def readinto(self, buffer: bytearray) -> int:
            buffer[:] = self.read(len(buffer))
            return len(buffer)

    answer = owner.ask(
        "POST",
        "/api/campaigns",
        content_type="application/json",
        environ_overrides={
            "wsgi.input": Endless(),
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
        },
    )
    assert answer.status_code == 413


def test_another_content_type_is_415(owner: Person) -> None:
    form = "application/x-www-form-urlencoded"
    answer = owner.ask("POST", "/api/campaigns", data=b"{}", content_type=form)
    assert answer.status_code == 415


def test_text_that_a_browsers_fetch_sends_is_read_only_beside_a_credential_in_a_header(
    owner: Person, client: FlaskClient
) -> None:
    body = json.dumps(campaign_body(1)).encode()
    answer = owner.ask("POST", "/api/campaigns", data=body, content_type="text/plain;charset=UTF-8")
    assert answer.status_code == 201
    answer = client.post("/api/auth/login", data=b"{}", content_type="text/plain")
    assert answer.status_code == 415


def test_unknown_addresses_and_methods_answer_json(client: FlaskClient) -> None:
    nowhere = client.get("/nowhere")
    assert (nowhere.status_code, nowhere.get_json()["error"]["code"]) == (404, "not_found")
    wrong = client.put("/api/campaigns")
    assert (wrong.status_code, wrong.get_json()["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["Allow"]


def test_problem_json_on_request(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"Accept": "application/problem+json"})
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["status"] == 404


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123", True), ("a" * 65, False), ("a b", False), ("é", False)]
)
def test_request_ids(client: FlaskClient, given: str, kept: bool) -> None:
    answered = client.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert (answered == given) is kept
    assert answered


def test_security_headers(client: FlaskClient) -> None:
    headers = client.get("/health").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


def test_only_listed_origins_read_answers(client: FlaskClient, settings: Settings) -> None:
    ours = client.get("/health", headers={"Origin": settings.base_url})
    assert ours.headers["Access-Control-Allow-Origin"] == settings.base_url
    for origin in ("null", "https://evil.example", settings.base_url + ".evil.example"):
        answer = client.get("/health", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_health_has_the_specs_shape(client: FlaskClient) -> None:
    answer = client.get("/health").get_json()
    assert list(answer) == ["status", "timestamp", "uptime", "version", "websocket"]
    assert (answer["status"], answer["version"]) == ("OK", "3.0.0")
    assert list(answer["websocket"]) == [
        "totalConnections",
        "subscribedUsers",
        "subscribedCampaigns",
    ]


def test_ready_and_metrics_are_for_this_machine(client: FlaskClient) -> None:
    assert client.get("/health/ready").get_json()["checks"] == {"postgresql": True, "redis": True}
    assert b"rapidflow_http_requests_total" in client.get("/metrics").data
    outside = {"REMOTE_ADDR": "203.0.113.9"}
    for path in ("/health/ready", "/metrics"):
        assert client.get(path, environ_overrides=outside).status_code == 404
        forwarded = client.get(path, headers={"X-Forwarded-For": "203.0.113.9"})
        assert forwarded.status_code == 404


def test_metrics_with_a_token(settings_for: Callable[..., Settings]) -> None:
    from api.app import create_app

    client = create_app(settings_for(metrics_token="t" * 32)).test_client()
    assert client.get("/metrics").status_code == 404
    good = client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 32})
    assert good.status_code == 200


def test_the_old_workflows_connection_test(client: FlaskClient) -> None:
    answer = client.post("/webhook/prisma-campaign", json={"test": True}).get_json()
    assert answer["success"] is True
    assert answer["version"] == "3.0"
    assert {"WebSocket", "Analytics"} <= set(answer["features"])
    assert client.post("/webhook/prisma-campaign", json={"contacts": []}).status_code == 401


def test_a_superuser_is_refused_at_start(
    settings_for: Callable[..., Settings], owner: Person
) -> None:
    import psycopg

    from shared.db.pool import check_role
    from shared.errors import SettingsError

    del settings_for
    from api.runtime import runtime

    url = runtime(owner.client.application).settings.database_url.get_secret_value()
    with psycopg.connect(url) as conn, pytest.raises(SettingsError):
        check_role(conn)  # the owner of the tables, without SET ROLE
    runtime(owner.client.application).check()
