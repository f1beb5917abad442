"""Section 4: every row of the failure catalogue, by name and by cause."""

import asyncio
from typing import Any

import aiohttp
import pytest

from deploy.sandbox.catalogue import ERRORS
from tests.unit.sandbox.harness import JID, PHONE, Lab, run


def undefined(name: str) -> str:
    return f"Cannot read properties of undefined (reading '{name}')"


ANYTHING = object()
MISSING = [{"jid": JID, "exists": False, "number": PHONE}]
# name, status, response.message (or ANYTHING), left for WhatsApp
CATALOGUE = [
    ("schema_violation_400", 400, [['instance requires property "text"']], False),
    ("text_required_400", 400, ["Text is required"], False),
    ("bad_media_400", 400, ["Owned media must be a url or base64"], False),
    ("not_on_whatsapp", 400, MISSING, False),
    ("on_whatsapp_undefined_500", 500, undefined("onWhatsApp"), False),
    ("connection_closed_500", 500, "Connection Closed", False),
    ("connection_closed_400", 400, ["Error: Connection Closed"], False),
    ("send_message_undefined_400", 400, [f"TypeError: {undefined('sendMessage')}"], False),
    ("text_message_undefined_500", 500, undefined("textMessage"), False),
    ("media_undefined_500", 500, [f"TypeError: {undefined('waUploadToServer')}"], False),
    ("media_upload_500", 500, ["Error: Media upload failed on all hosts"], False),
    ("timed_out_500", 500, "Timed Out", False),
    ("timed_out_400", 400, ["Error: Timed Out"], False),
    ("rate_overlimit_400", 400, ["Error: rate-overlimit"], False),
    ("rate_overlimit_500", 500, "rate-overlimit", False),
    ("database_error_after_send", 400, ANYTHING, True),
    ("driver_error_after_send", 400, ["DriverAdapterError: TooManyConnections"], True),
    ("group_not_found_400", 400, ["[object Object]"], False),
    ("meta_unreadable_400", 400, [f"TypeError: {undefined('message')}"], False),
    ("unauthorized_401", 401, "Unauthorized", False),
    ("instance_gone_404", 404, ['The "vendas" instance does not exist'], False),
    ("cannot_post_404", 404, ["Cannot POST /message/sendText/vendas"], False),
    ("license_503", 503, None, False),
    ("proxy_429", 429, None, False),
    ("proxy_502", 502, None, False),
    ("proxy_502_after_send", 502, None, True),
    ("proxy_503", 503, None, False),
    ("proxy_504", 504, None, False),
    ("proxy_504_after_send", 504, None, True),
    ("created_without_key", 201, None, False),
    ("created_unreadable_body", 201, None, True),
    ("create_failed_400", 400, ["Error: create failed"], False),
]


def test_the_table_holds_every_row() -> None:
    assert [name for name, *_ in CATALOGUE] == list(ERRORS)


def test_every_row_answers_as_the_page_says() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        for name, status, message, sent in CATALOGUE:
            await lab.control("DELETE", "/ledger")
            await lab.fault(error=name)
            found, answer = await lab.text()
            assert found == status, name
            if message is not None and message is not ANYTHING:
                assert answer["response"]["message"] == message, name
                assert answer["status"] == status
            assert len(await lab.ledger()) == sent, name

    run(body)


def test_rows_without_the_usual_shape() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.fault(error="license_503")
        assert (await lab.text())[1]["code"] == "LICENSE_REQUIRED"
        await lab.fault(error="created_without_key")
        answer = (await lab.text())[1]
        assert "key" not in answer
        assert answer["code"] == 131026
        await lab.fault(error="created_unreadable_body")
        assert isinstance((await lab.text())[1], str)
        await lab.fault(error="proxy_429", retry_after=7)
        url = f"{lab.url}/message/sendText/vendas"
        sent = {"number": PHONE, "text": "Oi"}
        async with lab.http.post(url, json=sent, headers={"apikey": "global-key"}) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "7")

    run(body)


def test_a_database_error_after_sending_leaves_no_trace_but_the_ledger() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.fault(error="database_error_after_send")
        status, answer = await lab.text()
        assert (status, answer["response"]["message"][0][:12]) == (400, "PrismaClient")
        await asyncio.sleep(0.15)
        assert len(await lab.ledger()) == 1
        assert lab.events("send.message") == lab.events("messages.update") == []
        found = (await lab.call("POST", "/chat/findMessages/vendas", {}))[1]
        assert found["messages"]["total"] == 0

    run(body)


@pytest.mark.parametrize("name", ["connection_closed_400", "timed_out_400"])
def test_in_doubt_rows_can_have_sent(name: str) -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.fault(error=name, send=True)
        assert (await lab.text())[0] == 400
        assert len(await lab.ledger()) == 1

    run(body)


@pytest.mark.parametrize("sent", [True, False])
def test_reset_before_and_after_the_send(sent: bool) -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.fault(reset=True, send=sent)
        with pytest.raises(aiohttp.ClientError):
            await lab.text()
        assert len(await lab.ledger()) == sent

    run(body)


@pytest.mark.parametrize("sent", [True, False])
def test_hang_never_answers(sent: bool) -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.fault(hang=True, send=sent)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lab.text(), 0.2)
        assert len(await lab.ledger()) == sent

    run(body)


@pytest.mark.parametrize(
    ("state", "cached", "status", "message"),
    [
        ({}, False, 500, undefined("onWhatsApp")),
        ({}, True, 400, [f"TypeError: {undefined('sendMessage')}"]),
        ({"state": "close"}, False, 500, "Connection Closed"),
        ({"state": "close"}, True, 400, ["Error: Connection Closed"]),
        ({"state": "connecting"}, False, 500, "Connection Closed"),
        ({"state": "open", "dead": True}, False, 500, "Connection Closed"),
        ({"loaded": False}, False, 500, undefined("textMessage")),
    ],
)
def test_sockets_that_cannot_send(
    state: dict[str, Any], cached: bool, status: int, message: Any
) -> None:
    async def body(lab: Lab) -> None:
        await lab.create()
        await lab.control("PUT", f"/numbers/{PHONE}", {"on_whatsapp": True, "cached": cached})
        await lab.control("PUT", "/instances/vendas/state", state)
        found, answer = await lab.text()
        assert (found, answer["response"]["message"]) == (status, message)
        assert await lab.ledger() == []

    run(body)


def test_media_on_a_closed_socket_fails_before_the_number_check() -> None:
    async def body(lab: Lab) -> None:
        await lab.create()
        sent = {"number": PHONE, "mediatype": "image", "media": "https://exemplo.com/a.png"}
        answer = (await lab.call("POST", "/message/sendMedia/vendas", sent))[1]
        expected = [f"TypeError: {undefined('waUploadToServer')}"]
        assert answer["response"]["message"] == expected
        await lab.control("PUT", "/instances/vendas/state", {"state": "close"})
        status, answer = await lab.call("POST", "/message/sendMedia/vendas", sent)
        expected = ["Error: Media upload failed on all hosts"]
        assert (status, answer["response"]["message"]) == (500, expected)

    run(body)


def test_not_on_whatsapp_quotes_the_number_as_sent() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.control("PUT", "/numbers/553187650000", {"on_whatsapp": False})
        status, answer = await lab.text(number="5531987650000")
        jid = "553187650000@s.whatsapp.net"
        missing = {"jid": jid, "exists": False, "number": "5531987650000"}
        assert (status, answer["response"]["message"]) == (400, [missing])
        assert (await lab.text(text="   "))[1]["response"]["message"] == ["Text is required"]

    run(body)


def test_rules_match_count_and_refuse_nonsense() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        rule = {
            "match": {"number": "5511987654321", "text_contains": "promo", "route": "sendText"},
            "times": 1,
            "skip": 1,
            "do": {"error": "timed_out_500"},
        }
        await lab.control("PUT", "/faults", [rule])
        seen = [(await lab.text(text=text))[0] for text in ("oi", "promo", "promo 2", "promo 3")]
        assert seen == [201, 201, 500, 201]
        assert (await lab.control("GET", "/faults"))[0]["hits"] == 1
        nonsense: list[dict[str, Any]] = [
            {"do": {"error": "nope"}},
            {"do": {"explode": True}},
            {"match": {"phone": "1"}, "do": {}},
            {"match": {}},
            {"do": {"latency_ms": "9"}},
        ]
        for bad in nonsense:
            assert (await lab.call("PUT", "/sandbox/faults", [bad]))[0] == 400
        assert await lab.control("DELETE", "/faults") == []

    run(body)
