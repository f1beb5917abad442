"""Section 3 and section 6: what a send answers, stores and can be found by."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.sandbox.harness import JID, KEY, PHONE, Lab, lab, run


def test_the_201_body() -> None:
    async def body(lab: Lab) -> None:
        created = await lab.open()
        status, answer = await lab.text("Olá, Ana")
        assert status == 201
        assert re.fullmatch(r"3EB0[0-9A-F]{18}", answer["key"].pop("id"))
        assert abs(answer.pop("messageTimestamp") - time.time()) < 5
        assert answer == {
            "key": {"remoteJid": JID, "fromMe": True},
            "pushName": "Você",
            "status": "PENDING",
            "message": {"conversation": "Olá, Ana"},
            "contextInfo": {
                "mentionedJid": [],
                "groupMentions": [],
                "ephemeralSettingTimestamp": {"low": 0, "high": 0, "unsigned": False},
                "disappearingMode": {"initiator": 0},
            },
            "messageType": "conversation",
            "instanceId": created["instance"]["instanceId"],
            "source": "web",
        }

    run(body)


SIMPLE: list[tuple[str, dict[str, Any], str]] = [
    ("sendWhatsAppAudio", {"audio": "https://exemplo.com/a.ogg"}, "audioMessage"),
    ("sendPtv", {"video": "https://exemplo.com/a.mp4"}, "ptvMessage"),
    ("sendSticker", {"sticker": "https://exemplo.com/a.webp"}, "stickerMessage"),
    ("sendLocation", {"latitude": 1, "longitude": 2, "name": "a", "address": "b"}, "location"),
    ("sendContact", {"contact": [{"fullName": "A", "phoneNumber": PHONE}]}, "contactMessage"),
    ("sendReaction", {"key": {"id": "1", "remoteJid": JID, "fromMe": True}, "reaction": "👍"}, ""),
    ("sendPoll", {"name": "?", "selectableCount": 1, "values": ["a", "b"]}, "pollCreation"),
    ("sendButtons", {"buttons": [{"type": "reply", "displayText": "a"}]}, "viewOnceMessage"),
    ("sendStatus", {"type": "image", "content": "x", "allContacts": True}, "extendedText"),
]


def test_the_other_kinds() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        for route, sent, kind in SIMPLE:
            path = f"/message/{route}/vendas"
            status, answer = await lab.call("POST", path, {"number": PHONE, **sent})
            assert status == 201, (route, answer)
            assert answer["messageType"].startswith(kind)
        template = {"name": "a", "language": "pt_BR"}
        status, answer = await lab.call("POST", "/message/sendTemplate/vendas", template)
        wanted = "Method not available in the Baileys service"
        assert (status, answer["response"]["message"]) == (500, wanted)

    run(body)


def test_the_send_goes_on_after_the_caller_hangs_up() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lab.text(delay=200), 0.05)
        assert await lab.ledger() == []
        await lab.until(lambda: "READ" in lab.statuses())
        row = (await lab.ledger())[0]
        assert (row["caller_gone"], row["number"], row["jid"]) == (True, PHONE, JID)
        assert lab.events("send.message")[0]["data"]["key"]["id"] == row["key_id"]
        where = {"where": {"key": {"remoteJid": JID, "fromMe": True}}}
        found = (await lab.call("POST", "/chat/findMessages/vendas", where))[1]
        assert found["messages"]["records"][0]["key"]["id"] == row["key_id"]

    run(body)


def test_find_messages_filters() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        for text in ("um", "dois", "três"):
            await lab.text(text)
        await lab.control("POST", "/instances/vendas/inbound", {"from": PHONE, "text": "SAIR"})

        async def total(**where: object) -> int:
            path = "/chat/findMessages/vendas"
            status, answer = await lab.call("POST", path, {"where": where})
            assert status == 200, answer
            return int(answer["messages"]["total"])

        now = time.time() * 1000
        assert await total() == await total(key={"fromMe": False}) == 4
        assert await total(key={"fromMe": True}) == 3
        assert await total(key={"remoteJid": JID, "fromMe": True}) == 3
        assert await total(key={"remoteJid": PHONE}) == 0
        assert await total(messageTimestamp={"gte": now + 60_000}) == 4
        old = {"gte": "2020-01-01T00:00:00Z", "lte": "2020-01-02T00:00:00.000Z"}
        assert await total(messageTimestamp=old) == 0
        assert await total(messageTimestamp={"gte": now - 60_000, "lte": now + 60_000}) == 4
        assert await total(message={"conversation": "um"}) == 4
        path = "/chat/findMessages/vendas"
        empty = {"where": {"key": {"id": ""}}}
        answer = (await lab.call("POST", path, empty))[1]
        assert answer["response"]["message"] == [["The property cannot be empty"]]
        page = (await lab.call("POST", path, {"page": 2, "offset": 3}))[1]["messages"]
        assert (page["pages"], page["currentPage"], len(page["records"])) == (2, 2, 1)
        newest = (await lab.call("POST", path, {"offset": 1}))[1]["messages"]["records"]
        assert newest[0]["message"] == {"conversation": "SAIR"}

    run(body)


def test_find_status_message_ignores_the_status_filter() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        key_id = (await lab.text())[1]["key"]["id"]
        await lab.until(lambda: "READ" in lab.statuses())
        where = {"where": {"id": key_id, "status": "PLAYED"}}
        rows = (await lab.call("POST", "/chat/findStatusMessage/vendas", where))[1]
        assert [row["status"] for row in rows] == ["SERVER_ACK", "DELIVERY_ACK", "READ"]
        wrong = {"where": {"status": "SEEN"}}
        assert (await lab.call("POST", "/chat/findStatusMessage/vendas", wrong))[0] == 400

    run(body)


def test_saving_off_hides_messages_but_forwards_acks() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await lab.text()
        await lab.until(lambda: "READ" in lab.statuses())
        found = (await lab.call("POST", "/chat/findMessages/vendas", {}))[1]
        assert found["messages"]["total"] == 0

    run(body, save_messages=False)


def test_whatsapp_numbers() -> None:
    async def body(lab: Lab) -> None:
        await lab.create()
        path = "/chat/whatsappNumbers/vendas"
        assert await lab.call("POST", path, {"numbers": [PHONE]}) == (400, {})
        assert await lab.call("POST", path, {}) == (400, {})
        await lab.control("PUT", "/instances/vendas/state", {"state": "close"})
        boom = (await lab.call("POST", path, {"numbers": [PHONE]}))[1]
        assert boom["output"]["payload"]["message"] == "Connection Closed"
        await lab.control("PUT", "/instances/vendas/state", {"state": "open"})
        await lab.control("PUT", "/numbers/5511900000000", {"on_whatsapp": False})
        numbers = [PHONE, "5511900000000", "120363025912345678"]
        rows = (await lab.call("POST", path, {"numbers": numbers}))[1]
        assert [(row["number"], row["exists"]) for row in rows] == [
            ("120363025912345678", True),
            (PHONE, True),
            ("5511900000000", False),
        ]

    run(body)


def test_ledger_and_stats() -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        await asyncio.gather(*(lab.text(str(at), number=f"55119876543{at:02}") for at in range(6)))
        rows = await lab.control("GET", "/ledger?instance=vendas&limit=2")
        assert len(rows) == 2
        assert len(await lab.control("GET", "/ledger?number=5511987654303")) == 1
        text = await lab.control("GET", "/ledger?format=text")
        assert text.count("\n") == 6
        stats = await lab.control("GET", "/stats")
        mine = stats["instances"]["vendas"]
        assert (mine["sent"], mine["max_in_any_second"], mine["max_in_any_minute"]) == (6, 6, 6)
        assert mine["max_in_flight"] == 6
        assert stats["requests"]["message/sendText"] == 6

    run(body, latency_ms=50)


def test_instances_messages_and_ledger_survive_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with lab(tmp_path) as first:
            created = await first.open("vendas", "SEND_MESSAGE")
            key_id = (await first.text("antes"))[1]["key"]["id"]
            await asyncio.sleep(0.15)
        with (tmp_path / "ledger.jsonl").open("ab") as torn:
            torn.write(b'{"at": "20')
        async with lab(tmp_path) as second:
            assert [row["text"] for row in await second.ledger()] == ["antes"]
            assert (await second.text("depois"))[0] == 201
            found = (await second.call("POST", "/chat/findMessages/vendas", {}))[1]["messages"]
            old = next(row for row in found["records"] if row["key"]["id"] == key_id)
            assert {"status": "READ"} in old["MessageUpdate"]
            path = "/webhook/find/vendas"
            row = (await second.call("GET", path, key=created["hash"]))[1]
            assert row["events"] == ["SEND_MESSAGE"]
        async with lab(tmp_path) as third:
            assert [row["text"] for row in await third.ledger()] == ["antes", "depois"]

    asyncio.run(main())


def test_the_command_says_when_it_is_ready_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "deploy.sandbox", "--port", "0", "--api-key", KEY, "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"sandbox listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert found
        assert httpx.get(found[1]).json()["version"] == "2.3.7"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
