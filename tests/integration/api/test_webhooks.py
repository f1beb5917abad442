"""POST /webhooks/evolution/…: who may, what is kept, floods."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import psycopg
import pytest
from flask.json.provider import DefaultJSONProvider
from flask.testing import FlaskClient

from api.instance_actions import Instances, Owner
from api.runtime import Runtime
from shared.providers.evolution_admin import Connection
from tests.integration.api.conftest import Person

Conn = psycopg.Connection[tuple[Any, ...]]


class StandIn:
    """Evolution as far as creating goes; remembers the webhook."""

    url = ""
    secret = ""

    def create(self, _name: str, _token: str, webhook: Any, **_: bool) -> Connection:
        self.url, self.secret = webhook.url, webhook.secret
        return Connection("connecting")


class Hook:
    """One instance's webhook, as Evolution calls it."""

    def __init__(self, client: FlaskClient, path: str, secret: str) -> None:
        self.client, self.path, self.secret = client, path, secret

    def token(self, *, minutes_ago: float = 0, secret: str | None = None) -> str:
        began = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        claims = {"iat": began, "exp": began + timedelta(minutes=10), "app": "evolution"}
        return jwt.encode(claims, secret or self.secret, "HS256")

    def call(self, event: str, data: Any, *, instance: str = "hook", **over: Any) -> int:
        body = {
            "event": event,
            "instance": instance,
            "data": data,
            "date_time": over.pop("at", "2026-01-01T00:00:00Z"),
            "apikey": "SECRET-TOKEN",
        }
        token = over.pop("token", None) or self.token()
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.post(self.path, json=body, headers=headers, **over).status_code


@pytest.fixture
def hook(owner: Person, parts: Runtime) -> Hook:
    stand_in = StandIn()
    base = parts.settings.base_url
    operations = Instances(parts.pool, parts.sealer, stand_in, base)  # type: ignore[arg-type]
    operations.create(Owner(owner.tenant.tenant_id, "test"), "hook", qrcode=False)
    return Hook(owner.client, stand_in.url.removeprefix(base), stand_in.secret)


def inbox(conn: Conn) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT event, body FROM provider_inbox ORDER BY inbox_id").fetchall()


UPDATE = {"keyId": "3EB0", "remoteJid": "5511@s.whatsapp.net", "fromMe": True, "status": "READ"}


def test_events_are_stored_once_without_the_key(hook: Hook, engine_conn: Conn) -> None:
    assert [hook.call("messages.update", UPDATE) for _ in range(3)] == [200] * 3
    assert hook.call("messages.update", {**UPDATE, "status": "DELIVERY_ACK"}) == 200
    rows = inbox(engine_conn)
    assert [row[1]["status"] for row in rows] == ["READ", "DELIVERY_ACK"]
    assert "SECRET-TOKEN" not in str(rows)


def test_late_tokens_are_good_for_45_minutes(hook: Hook) -> None:
    assert hook.call("messages.update", UPDATE, token=hook.token(minutes_ago=44)) == 200
    assert hook.call("messages.update", UPDATE, token=hook.token(minutes_ago=46)) == 401
    assert hook.call("messages.update", UPDATE, token=hook.token(minutes_ago=-10)) == 401
    assert hook.call("messages.update", UPDATE, token=hook.token(secret="x" * 40)) == 401
    assert hook.call("messages.update", UPDATE, token="abc") == 401


def test_another_name_or_address_is_refused(hook: Hook) -> None:
    assert hook.call("messages.update", UPDATE, instance="other") == 400
    hook.path = hook.path[:-1] + ("A" if hook.path[-1] != "A" else "B")
    assert hook.call("messages.update", UPDATE) == 404
    hook.path = "/webhooks/evolution/nonsense"
    assert hook.call("messages.update", UPDATE) == 404


def test_a_flood_of_connection_events_adds_no_rows(hook: Hook, engine_conn: Conn) -> None:
    for number in range(50):
        data = {"instance": "hook", "state": "close", "statusReason": 408, "n": number}
        assert hook.call("connection.update", data, at=str(number)) == 200
    assert len(inbox(engine_conn)) == 1
    for state in ("open", "open", "close", "close", "open"):
        hook.call("connection.update", {"state": state}, at=f"{state}{len(inbox(engine_conn))}")
    hook.call("connection.update", {"state": "connecting"}, at="in between")
    assert [row[1]["state"] for row in inbox(engine_conn)] == ["close", "open"]
    engine_conn.execute("UPDATE provider_inbox SET settled_at = now()")
    engine_conn.execute("UPDATE instances SET state = 'open', owner_phone = '5511'")
    hook.call("connection.update", {"state": "open"}, at="later")
    assert len(inbox(engine_conn)) == 2
    hook.call("connection.update", {"state": "close"}, at="later still")
    assert len(inbox(engine_conn)) == 3


def test_events_without_a_key_differ_by_their_time(hook: Hook, engine_conn: Conn) -> None:
    for at in ("1", "1", "2"):
        assert hook.call("logout.instance", None, at=at) == 200
    assert len(inbox(engine_conn)) == 2


def test_nobody_asks_for_other_events(hook: Hook, engine_conn: Conn) -> None:
    assert hook.call("qrcode.updated", {"qrcode": {}}) == 200
    assert inbox(engine_conn) == []


def test_text_that_jsonb_refuses_is_stored_all_the_same(hook: Hook, engine_conn: Conn) -> None:
    data = {"key": {"id": "X", "fromMe": False}, "message": {"conversation": "a\0b\ud800"}}
    hook.client.application.json = DefaultJSONProvider(hook.client.application)
    assert hook.call("messages.upsert", data) == 200
    assert inbox(engine_conn)[0][1]["message"]["conversation"] == "a\ufffdb\ufffd"


def test_over_a_mebibyte_is_413(hook: Hook) -> None:
    assert hook.call("messages.upsert", {"x": "y" * 1_100_000}) == 413
