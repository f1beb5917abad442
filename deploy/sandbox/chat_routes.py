"""`/chat/…/{instance}`: looking messages up, small helpers (evolution-api.md sections 5 to 7)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from math import ceil
from typing import Any

from aiohttp import web

from deploy.sandbox.answers import JsonObject, RefusalError, answer, refuse, undefined
from deploy.sandbox.calls import Call, Handler
from deploy.sandbox.instances import BUSINESS
from deploy.sandbox.messages import Message
from deploy.sandbox.numbers import NumberRule, create_jid

PAGE_SIZE = 50
_ORDER = {"broadcast": 0, "g.us": 1}
Test = Callable[[Message], bool]


async def find_messages(call: Call) -> web.Response:
    """`{messages: {total, pages, currentPage, records}}`, newest first."""
    where = call.body.get("where") or {}
    key = where.get("key") or {}
    tests = _tests(where, key)
    rows = call.world.messages.newest(
        call.instance.name, key_id=key.get("id"), jid=key.get("remoteJid")
    )
    found = [row for row in rows if all(test(row) for test in tests)]
    page, size = _paging(call.body)
    start = (page - 1) * size
    records = [row.record() for row in found[start : start + size]]
    messages = {"total": len(found), "pages": ceil(len(found) / size), "currentPage": page}
    return answer(200, {"messages": {**messages, "records": records}})


def _tests(where: JsonObject, key: JsonObject) -> list[Test]:
    """`key.fromMe:false` and text filters are ignored, as in the original."""
    tests: list[Test] = []
    if where.get("id"):
        tests.append(lambda row: row.row_id == where["id"])
    if where.get("source"):
        tests.append(lambda row: row.source == where["source"])
    if where.get("messageType"):
        tests.append(lambda row: row.message_type == where["messageType"])
    if key.get("fromMe"):
        tests.append(lambda row: row.from_me)
    if key.get("participant"):
        tests.append(lambda _row: False)
    between = where.get("messageTimestamp") or {}
    if between.get("gte") and between.get("lte"):  # one alone does nothing
        since, until = _seconds(between["gte"]), _seconds(between["lte"])
        tests.append(lambda row: since <= row.timestamp <= until)
    return tests


def _seconds(value: Any) -> int:
    """What `new Date(value)` makes of ISO text or milliseconds, in whole seconds."""
    try:
        if isinstance(value, (int, float)):
            return int(value // 1000)
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise refuse(500, "Invalid time value") from error
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return int(aware.timestamp() // 1)


def _paging(body: JsonObject) -> tuple[int, int]:
    page, size = body.get("page"), body.get("offset")
    return (
        page if isinstance(page, int) and page > 0 else 1,
        size if isinstance(size, int) and size > 0 else PAGE_SIZE,
    )


async def find_status_message(call: Call) -> web.Response:
    """A bare array; `where.status`, `fromMe` and `participant` are validated, not applied."""
    where = call.body.get("where") or {}
    page, size = _paging(call.body)
    rows = call.world.messages.newest(
        call.instance.name, key_id=where.get("id"), jid=where.get("remoteJid")
    )
    updates = (row.status_row(status, row_id) for row in rows for status, row_id in row.updates)
    return answer(200, list(islice(updates, (page - 1) * size, page * size)))


async def whatsapp_numbers(call: Call) -> web.Response:
    """`[{jid, exists, number, name?, lid?}]`: broadcast, groups, then users."""
    numbers = call.body.get("numbers")
    if numbers is None:
        raise RefusalError(400, {})
    if call.instance.integration == BUSINESS:
        raise refuse(400, ["Method not available on WhatsApp Business API"])
    if call.instance.socket != "open":
        raise RefusalError(400, {} if call.instance.socket == "none" else _boom())
    rows = [_number_row(call, number) for number in numbers]
    rows.sort(key=lambda row: _ORDER.get(row["jid"].rpartition("@")[2], 2))
    return answer(200, rows)


def _number_row(call: Call, number: str) -> JsonObject:
    directory = call.world.numbers
    jid = create_jid(number)
    cached = directory.is_cached(jid)
    exists, used, rule = directory.ask(jid)
    row: JsonObject = {"jid": used, "exists": exists or cached, "number": number}
    if row["exists"]:
        directory.remember(jid)
    return {**row, **_extras(rule)}


def _extras(rule: NumberRule | None) -> JsonObject:
    if rule is None:
        return {}
    known = {"name": rule.name, "lid": rule.lid}
    return {key: value for key, value in known.items() if value}


def _boom() -> JsonObject:
    payload = {
        "statusCode": 428,
        "error": "Precondition Required",
        "message": "Connection Closed",
    }
    output = {"statusCode": 428, "payload": payload, "headers": {}}
    return {"data": None, "isBoom": True, "isServer": False, "output": output}


async def mark_message_as_read(call: Call) -> web.Response:
    """201 `{"message":"Read messages","read":"success"}`."""
    if call.instance.socket != "open":
        failure = f"TypeError: {undefined('readMessages')}"
        raise refuse(500, ["Read messages fail", failure])
    return answer(201, {"message": "Read messages", "read": "success"})


async def send_presence(call: Call) -> web.Response:
    """Waits `delay`, then 201 `{presence}`."""
    if call.instance.socket != "open":
        raise refuse(400, ["Error: Connection Closed"])
    await asyncio.sleep(max(call.body["delay"], 0) / 1000)
    return answer(201, {"presence": call.body["presence"]})


HANDLERS: dict[str, Handler] = {
    "findMessages": find_messages,
    "findStatusMessage": find_status_message,
    "whatsappNumbers": whatsapp_numbers,
    "markMessageAsRead": mark_message_as_read,
    "sendPresence": send_presence,
}
