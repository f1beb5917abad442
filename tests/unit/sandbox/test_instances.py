"""Section 2: the life of an instance."""

import base64
from typing import Any

import pytest

from tests.unit.sandbox.harness import Lab, run


def test_create_with_qrcode_connects_by_itself() -> None:
    async def body(lab: Lab) -> None:
        hook = {"url": f"{lab.sink_url}/hook", "events": []}
        created = await lab.create(qrcode=True, webhook=hook, token="segredo")
        assert created["instance"]["status"] == "connecting"
        assert created["hash"] == "segredo"
        head, _, data = created["qrcode"]["base64"].partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG\r\n\x1a\n")
        await lab.until(lambda: len(lab.events("connection.update")) == 2)
        assert len(lab.events("qrcode.updated")) == 1
        states = {seen["data"]["state"] for seen in lab.events("connection.update")}
        assert states == {"connecting", "open"}
        answer = await lab.call("GET", "/instance/connectionState/vendas")
        assert answer == (200, {"instance": {"instanceName": "vendas", "state": "open"}})
        assert await lab.call("GET", "/instance/connect/vendas") == answer

    run(body)


def test_create_without_qrcode_waits_for_connect() -> None:
    async def body(lab: Lab) -> None:
        created = await lab.create()
        assert created["instance"]["status"] == "close"
        assert "qrcode" not in created
        status, qrcode = await lab.call("GET", "/instance/connect/vendas?number=5511")
        assert (status, qrcode["count"]) == (200, 1)
        assert qrcode["pairingCode"]

    run(body)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"integration": "Baileys"}, "Invalid integration"),
        ({}, "Invalid integration"),
        ({"integration": "WHATSAPP-BUSINESS"}, "token is required"),
        ({"integration": "WHATSAPP-BUSINESS", "token": "t"}, "number is required"),
        (
            {"integration": "WHATSAPP-BAILEYS", "webhook": {"url": "http://a.b"}},
            "Cannot read properties of undefined (reading 'length')",
        ),
    ],
)
def test_failed_create_keeps_the_name_busy(sent: dict[str, Any], text: str) -> None:
    async def body(lab: Lab) -> None:
        await lab.control("PUT", "/settings", {"create_window_ms": 5000})
        status, answer = await lab.call("POST", "/instance/create", {"instanceName": "n", **sent})
        assert status == 400
        assert answer["response"]["message"] == [text]
        seen = {(await lab.call("GET", "/instance/connectionState/n"))[0] for _ in range(2)}
        again = {"instanceName": "n", "integration": "WHATSAPP-BAILEYS"}
        seen.add((await lab.call("POST", "/instance/create", again))[0])
        assert seen == {403, 404, 500}

    run(body)


def test_fetch_restart_logout_delete() -> None:
    async def body(lab: Lab) -> None:
        created = await lab.open()
        await lab.create("outra")
        assert len((await lab.call("GET", "/instance/fetchInstances"))[1]) == 2
        mine = (await lab.call("GET", "/instance/fetchInstances", key=created["hash"]))[1]
        assert [(row["name"], row["connectionStatus"]) for row in mine] == [("vendas", "open")]
        status, answer = await lab.call("GET", "/instance/fetchInstances?instanceName=z")
        assert (status, answer["response"]["message"]) == (404, ['Instance "z" not found'])
        closed = {"error": True, "message": "[object Object]"}
        assert await lab.call("POST", "/instance/restart/outra") == (200, closed)
        assert (await lab.call("POST", "/instance/restart/vendas"))[0] == 200
        status, answer = await lab.call("DELETE", "/instance/logout/vendas")
        assert (status, answer["response"]["message"]) == (200, "Instance logged out")
        assert (await lab.call("DELETE", "/instance/logout/vendas"))[0] == 400
        status, answer = await lab.call("DELETE", "/instance/delete/vendas")
        assert (status, answer["response"]["message"]) == (200, "Instance deleted")
        assert (await lab.call("DELETE", "/instance/delete/vendas"))[0] == 404

    run(body)


def test_a_ban_is_told_in_three_events() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        closed = {"state": "close", "statusReason": 403}
        await lab.control("PUT", "/instances/vendas/state", closed)
        await lab.until(lambda: len(lab.events("connection.update")) == 2)
        await lab.until(lambda: lab.events("status.instance") and lab.events("logout.instance"))
        assert lab.events("status.instance")[0]["data"]["disconnectionReasonCode"] == 403
        assert lab.events("logout.instance")[0]["data"] is None
        told = [seen["data"] for seen in lab.events("connection.update")]
        assert {"instance": "vendas", "state": "close", "statusReason": 403} in told

    run(body)


def test_a_transient_close_is_silent_and_reconnects() -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "CONNECTION_UPDATE")
        closed = {"state": "close", "statusReason": 408}
        await lab.control("PUT", "/instances/vendas/state", closed)
        await lab.until(lambda: len(lab.events("connection.update")) == 3)
        states = [seen["data"]["state"] for seen in lab.events("connection.update")]
        assert sorted(states) == ["connecting", "open", "open"]

    run(body)


def test_connecting_flood() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.control("POST", "/instances/vendas/flood", {"per_second": 200, "for_ms": 100})
        await lab.until(lambda: len(lab.events("connection.update")) == 21)

    run(body)


def test_settings_and_webhook_rows() -> None:
    async def body(lab: Lab) -> None:
        await lab.create()
        assert await lab.call("GET", "/webhook/find/vendas") == (200, None)
        flat = {"url": "http://a.b", "enabled": True}
        status, answer = await lab.call("POST", "/webhook/set/vendas", flat)
        wanted = [['instance requires property "webhook"']]
        assert (status, answer["response"]["message"]) == (400, wanted)
        assert (await lab.call("POST", "/webhook/set/vendas", {"webhook": flat}))[0] == 500
        full = {"webhook": {**flat, "events": ["SEND_MESSAGE"], "byEvents": True}}
        status, row = await lab.call("POST", "/webhook/set/vendas", full)
        assert (status, row["webhookByEvents"], row["events"]) == (201, True, ["SEND_MESSAGE"])
        assert (await lab.call("GET", "/webhook/find/vendas"))[1] == row
        settings = (await lab.call("GET", "/settings/find/vendas"))[1]
        assert settings["groupsIgnore"] is False
        status, _ = await lab.call("POST", "/settings/set/vendas", {"groupsIgnore": True})
        assert status == 400
        changed = {**settings, "groupsIgnore": True}
        assert (await lab.call("POST", "/settings/set/vendas", changed))[0] == 201

    run(body)
