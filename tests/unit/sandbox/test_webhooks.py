"""Section 7: what the sandbox posts, and how stubbornly."""

import asyncio

import jwt
import pytest

from tests.unit.sandbox.harness import JID, PHONE, Lab, run

SECRET = "um-segredo-de-webhook-bem-comprido-32"


def test_the_envelope() -> None:
    async def body(lab: Lab) -> None:
        created = await lab.open("vendas", "SEND_MESSAGE", headers={"X-Chave": "s3"})
        answer = (await lab.text())[1]
        await lab.until(lambda: lab.received)
        seen = lab.received[0]
        envelope = seen.body
        assert envelope.pop("date_time").endswith("Z")
        assert envelope.pop("sender").endswith("@s.whatsapp.net")
        assert envelope == {
            "event": "send.message",
            "instance": "vendas",
            "data": answer,
            "destination": f"{lab.sink_url}/hook",
            "server_url": lab.url,
            "apikey": created["hash"],
        }
        assert seen.headers["X-Chave"] == "s3"
        assert seen.headers["User-Agent"].startswith("axios/")
        await asyncio.sleep(0.1)
        assert [one.body["event"] for one in lab.received] == ["send.message"]

    run(body)


def test_acks_come_in_order_with_their_key() -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", byEvents=True)
        key_id = (await lab.text())[1]["key"]["id"]
        await lab.until(lambda: "READ" in lab.statuses())
        assert lab.statuses() == ["SERVER_ACK", "DELIVERY_ACK", "READ"]
        data = lab.events("messages.update")[0]["data"]
        assert (data["keyId"], data["remoteJid"], data["fromMe"]) == (key_id, JID, True)
        paths = {seen.path for seen in lab.received}
        assert {"/hook/send-message", "/hook/messages-update"} <= paths

    run(body)


def test_retries_repeat_body_and_token() -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "SEND_MESSAGE", headers={"jwt_key": SECRET})
        lab.sink_statuses += [500, 429, 503]
        await lab.text()
        await lab.until(lambda: len(lab.received) == 4)
        await asyncio.sleep(0.1)
        assert len(lab.received) == 4
        assert len({seen.raw for seen in lab.received}) == 1
        tokens = {seen.headers["Authorization"] for seen in lab.received}
        assert len(tokens) == 1
        assert "jwt_key" not in lab.received[0].headers
        token = tokens.pop().removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        assert claims["exp"] - claims["iat"] == 600
        assert (claims["app"], claims["action"]) == ("evolution", "webhook")

    run(body)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_final_statuses_stop_at_once(status: int) -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "SEND_MESSAGE")
        lab.sink_statuses.append(status)
        await lab.text()
        await asyncio.sleep(0.1)
        assert len(lab.received) == 1
        assert (await lab.control("GET", "/stats"))["webhooks"]["given_up"] == 1

    run(body)


def test_ten_attempts_and_no_more() -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "SEND_MESSAGE")
        lab.sink_statuses += [500] * 20
        await lab.text()
        await lab.until(lambda: len(lab.received) == 10)
        await asyncio.sleep(0.1)
        assert len(lab.received) == 10

    run(body, webhook_retry_ms=0.1)


@pytest.mark.parametrize(
    ("acks", "expected"),
    [
        ("lost", []),
        ("duplicated", ["SERVER_ACK"] * 2 + ["DELIVERY_ACK"] * 2 + ["READ"] * 2),
        ("inverted", ["READ", "DELIVERY_ACK", "SERVER_ACK"]),
        ("error", ["ERROR"]),
        ("server_only", ["SERVER_ACK"]),
    ],
)
def test_ack_faults(acks: str, expected: list[str]) -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "MESSAGES_UPDATE")
        await lab.fault(acks=acks)
        assert (await lab.text())[0] == 201
        await asyncio.sleep(0.2)
        assert lab.statuses() == expected

    run(body)


def test_an_ack_can_be_late_or_come_before_the_201() -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "MESSAGES_UPDATE")
        await lab.fault(acks="before_201")
        sending = asyncio.create_task(lab.text())
        await lab.until(lambda: "SERVER_ACK" in lab.statuses())
        assert not sending.done()
        assert (await sending)[0] == 201
        lab.received.clear()
        await lab.fault(acks="late", late_ms=250)
        await lab.text()
        await asyncio.sleep(0.15)
        assert lab.statuses() == []
        await lab.until(lambda: "READ" in lab.statuses())

    run(body)


def test_lost_send_message_and_rewritten_jid() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.fault(lose_events=["SEND_MESSAGE"], rewrite_jid="lid")
        answer = (await lab.text())[1]
        assert answer["key"]["remoteJid"].endswith("@lid")
        await lab.until(lambda: "READ" in lab.statuses())
        assert lab.events("send.message") == []
        assert (await lab.ledger())[0]["jid"] == answer["key"]["remoteJid"]

    run(body)


def test_replies_and_injected_texts_arrive() -> None:
    async def body(lab: Lab) -> None:
        await lab.open("vendas", "MESSAGES_UPSERT")
        await lab.text()
        await lab.until(lambda: lab.received)
        said = {"from": PHONE, "text": "SAIR", "push_name": "Ana"}
        await lab.control("POST", "/instances/vendas/inbound", said)
        await lab.until(lambda: len(lab.received) == 2)
        data = lab.received[1].body["data"]
        assert (data["key"]["remoteJid"], data["key"]["fromMe"]) == (JID, False)
        assert (data["message"], data["pushName"]) == ({"conversation": "SAIR"}, "Ana")
        assert data["key"]["id"].startswith("3A")

    run(body, reply_share=1)
