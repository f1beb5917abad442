"""Signing in, tokens, keys, limits."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from api.auth import PrincipalCache
from api.runtime import Runtime
from shared.db.users import Role
from shared.settings import Settings
from tests.integration.api.conftest import PASSWORD, Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


def login(person: Person, password: str = PASSWORD, **options: Any) -> Any:
    body = {"email": person.email.upper(), "password": password}
    return person.client.post("/api/auth/login", json=body, **options)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(autouse=True)
def fresh_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait twenty seconds for a cached row to age."""
    monkeypatch.setattr(PrincipalCache, "get", lambda _self, _key, load: load())


def test_login_gives_tokens_that_work(owner: Person) -> None:
    answer = login(owner).get_json()
    assert answer["success"] is True
    assert answer["expires_in"] == 900
    assert answer["user"]["email"] == owner.email
    assert answer["user"]["role"] == "owner"
    for path in ("/api/auth/me", "/api/me"):
        me = owner.client.get(path, headers=bearer(answer["access_token"]))
        assert me.get_json()["user"] == answer["user"]


def test_unknown_and_wrong_answer_alike(owner: Person) -> None:
    wrong = login(owner, "errada-errada-errada")
    body = {"email": "ninguem@example.com", "password": "errada-errada-errada"}
    unknown = owner.client.post("/api/auth/login", json=body)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.get_json()["error"]["code"] == unknown.get_json()["error"]["code"]


def test_five_failures_close_the_account_for_a_while(owner: Person) -> None:
    codes = [login(owner, "errada-errada-errada").status_code for _ in range(5)]
    assert codes == [401] * 5
    refused = login(owner)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


def test_strangers_slow_an_account_down_and_lock_nobody_out(owner: Person) -> None:
    body = {"email": owner.email, "password": "errada-errada-errada"}
    for number in range(1, 7):  # from six addresses, none of them the owner's
        place = {"REMOTE_ADDR": f"203.0.113.{number}"}
        answer = owner.client.post("/api/auth/login", json=body, environ_base=place)
        assert answer.status_code == 401
    slowed = owner.client.post("/api/auth/login", json=body, environ_base=place)
    assert slowed.status_code == 429
    assert 1 <= int(slowed.headers["Retry-After"]) <= 30
    assert login(owner).status_code == 200


def test_a_success_starts_the_account_anew(owner: Person) -> None:
    for _ in range(12):
        assert login(owner).status_code == 200


def test_twenty_failures_close_the_address(owner: Person) -> None:
    for number in range(20):
        body = {"email": f"x{number}@example.com", "password": "errada-errada"}
        assert owner.client.post("/api/auth/login", json=body).status_code == 401
    assert login(owner).status_code == 429


def test_refresh_rotates_and_reuse_ends_the_family(owner: Person) -> None:
    first = login(owner).get_json()["refresh_token"]
    second = refresh(owner, first)
    assert second.status_code == 200
    assert refresh(owner, first).status_code == 401
    assert refresh(owner, second.get_json()["refresh_token"]).status_code == 401


def test_logout_ends_this_sign_in_and_renews_others(owner: Person) -> None:
    here, there = login(owner).get_json(), login(owner).get_json()
    answer = owner.client.post("/api/auth/logout", json={"refresh_token": here["refresh_token"]})
    assert answer.status_code == 200
    for access in (here["access_token"], there["access_token"]):
        assert owner.client.get("/api/me", headers=bearer(access)).status_code == 401
    assert refresh(owner, here["refresh_token"]).status_code == 401
    renewed = refresh(owner, there["refresh_token"]).get_json()["access_token"]
    assert owner.client.get("/api/me", headers=bearer(renewed)).status_code == 200


def test_the_cookie_refreshes_only_with_our_origin(owner: Person, settings: Settings) -> None:
    login(owner)
    assert owner.client.post("/api/auth/refresh").status_code == 403
    foreign = owner.client.post("/api/auth/refresh", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    ours = owner.client.post("/api/auth/refresh", headers={"Origin": settings.base_url})
    assert ours.status_code == 200
    cookie = ours.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/api/auth" in cookie


def test_disabling_ends_tokens_keys_and_refresh(owner: Person, engine_conn: Conn) -> None:
    tokens = login(owner).get_json()
    engine_conn.execute("UPDATE users SET disabled_at = now(), session_epoch = session_epoch + 1")
    access = owner.client.get("/api/me", headers=bearer(tokens["access_token"]))
    assert access.status_code == 401
    assert owner.get("/api/me").status_code == 401
    assert refresh(owner, tokens["refresh_token"]).status_code == 401
    assert login(owner).status_code == 401


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "rf_nope", "aFqyrU_qBNOB29PdSjsQKvGJm4mhti9hUhxGpl7WRWY"]
)
def test_nonsense_credentials(client: FlaskClient, token: str) -> None:
    answer = client.get("/api/me", headers=bearer(token))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_is_no_access_token(owner: Person) -> None:
    tokens = login(owner).get_json()
    me = owner.client.get("/api/me", headers=bearer(tokens["refresh_token"]))
    assert me.status_code == 401
    assert refresh(owner, tokens["access_token"]).status_code == 401


def test_keys_are_shown_once_and_end_when_revoked(owner: Person) -> None:
    headers = bearer(login(owner).get_json()["access_token"])
    made = owner.client.post("/api/keys", json={"name": "crm"}, headers=headers)
    assert made.status_code == 201
    key = made.get_json()["key"]
    assert key["secret"].startswith("rf_")
    listed = owner.client.get("/api/keys", headers=headers).get_json()["keys"]
    assert "secret" not in listed[0]
    assert owner.client.get("/api/me", headers={"X-API-Key": key["secret"]}).status_code == 200
    assert owner.client.get("/api/me", headers=bearer(key["secret"])).status_code == 200
    gone = owner.client.delete(f"/api/keys/{key['id']}", headers=headers)
    assert gone.status_code == 200
    assert owner.client.get("/api/me", headers={"X-API-Key": key["secret"]}).status_code == 401


def test_a_key_makes_no_keys(owner: Person) -> None:
    assert owner.post("/api/keys", {"name": "x"}).status_code == 403


def test_tickets_are_issued(owner: Person, parts: Runtime) -> None:
    answer = owner.post("/api/ws/ticket").get_json()
    assert answer["expires_in"] == 30
    assert any(answer["ticket"] in str(key) for key in parts.redis.keys("*")) or answer["ticket"]


def test_sixty_requests_a_minute(person: Callable[..., Person]) -> None:
    asked = person("operator", rate=5)
    answers = [asked.get("/api/me") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[0].headers["RateLimit-Limit"] == "5"
    assert [answer.headers["RateLimit-Remaining"] for answer in answers[:5]] == list("43210")
    assert 0 < int(answers[5].headers["Retry-After"]) <= 60


def test_without_redis_signing_in_waits_and_reading_goes_on(
    settings_for: Callable[..., Settings], owner: Person
) -> None:
    from api.app import create_app
    from api.runtime import runtime

    database = runtime(owner.client.application).settings.database_url
    app = create_app(settings_for(redis_url="redis://127.0.0.1:1/0", database_url=database))
    try:
        client = app.test_client()
        body = {"email": owner.email, "password": PASSWORD}
        refused = client.post("/api/auth/login", json=body)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert client.get("/api/campaigns", headers={"X-API-Key": owner.key}).status_code == 200
        created = client.post(
            "/api/campaigns", json=campaign_body(), headers={"X-API-Key": owner.key}
        )
        assert created.status_code == 201
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
    finally:
        runtime(app).close()


def refresh(person: Person, token: str) -> Any:
    return person.client.post("/api/auth/refresh", json={"refresh_token": token})


#: What each role may not do; everything else it may.
WRITES = [
    ("POST", "/api/campaigns", "operator"),
    ("POST", "/api/campaigns/1/pause", "operator"),
    ("POST", "/api/campaigns/1/resume", "operator"),
    ("POST", "/api/campaigns/1/cancel", "operator"),
    ("GET", "/api/campaigns/1/export", "operator"),
    ("GET", "/api/keys", "operator"),
    ("POST", "/api/keys", "operator"),
    ("DELETE", "/api/keys/1", "operator"),
    ("POST", "/api/instances", "admin"),
    ("DELETE", "/api/instances/x", "admin"),
]


@pytest.mark.parametrize(("method", "path", "least"), WRITES)
def test_roles_below_are_refused(
    person: Callable[..., Person], method: str, path: str, least: Role
) -> None:
    below: Role = "viewer" if least == "operator" else "operator"
    answer = person(below).ask(method, path, json={})
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "forbidden"


READS = ["", "/live", "/metrics", "/messages", "/performance", "/export"]
MOVES = ["/pause", "/resume", "/cancel"]


@pytest.mark.parametrize("path", READS)
def test_another_tenants_campaign_is_not_there(
    owner: Person, person: Callable[..., Person], path: str
) -> None:
    campaign = owner.create()["campaign"]
    stranger = person("owner")
    for reference in (campaign["id"], campaign["campaign_id"]):
        assert owner.get(f"/api/campaigns/{reference}{path}").status_code == 200
        assert stranger.get(f"/api/campaigns/{reference}{path}").status_code == 404
    assert stranger.get("/api/campaigns").get_json()["campaigns"] == []


@pytest.mark.parametrize("path", MOVES)
def test_another_tenants_campaign_cannot_be_moved(
    owner: Person, person: Callable[..., Person], path: str
) -> None:
    campaign = owner.create()["campaign"]
    stranger = person("owner")
    for reference in (campaign["id"], campaign["campaign_id"]):
        assert stranger.post(f"/api/campaigns/{reference}{path}").status_code == 404


def test_viewers_see_masked_phones(owner: Person, person: Callable[..., Person]) -> None:
    campaign = owner.create()["campaign"]["id"]
    viewer = person("viewer", tenant=owner.tenant)
    line = viewer.get(f"/api/campaigns/{campaign}/messages").get_json()["messages"][0]
    assert line["telefone"] == "5511*****0000"
