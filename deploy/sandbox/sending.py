"""The way of one send (evolution-api.md section 3, "Order of work")."""

import asyncio
import uuid
from dataclasses import dataclass

from aiohttp import web

from deploy.sandbox.answers import JsonObject, answer, refuse, undefined
from deploy.sandbox.calls import Call
from deploy.sandbox.faults import Fault
from deploy.sandbox.instances import BAILEYS, BUSINESS, EVOLUTION, now_iso
from deploy.sandbox.ledger import Entry
from deploy.sandbox.messages import Message, new_key_id
from deploy.sandbox.numbers import create_jid

_BEFORE_201_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Draft:
    """What a route wants sent."""

    kind: str  # text, media, audio, ...
    number: str  # as asked
    message: JsonObject
    message_type: str
    text: str = ""
    delay_ms: float = 0


async def send(call: Call, draft: Draft) -> web.Response:
    """Check the number, wait, hand over, store, tell, answer 201."""
    jid = _recipient(call, draft.number)
    await _wait(call, draft.delay_ms)
    message = _hand_over(call, draft, jid)
    fault = call.fault
    if fault.stores and call.world.tuning.save_messages:
        call.world.messages.insert(message)
    call.world.messages.recent.append(message)
    if fault.stores:
        _tell(call, message)
    if fault.acks == "before_201":
        await asyncio.sleep(_BEFORE_201_SECONDS)
    return answer(201, message.wire())


def check_media_stage(call: Call) -> None:
    """Media is uploaded before the number check: a closed socket fails here, nothing sent."""
    instance = call.instance
    if instance.integration != BAILEYS or instance.socket == "open":
        return
    if instance.socket == "none":
        raise refuse(500, [f"TypeError: {undefined('waUploadToServer')}"])
    raise refuse(500, ["Error: Media upload failed on all hosts"])


def _recipient(call: Call, number: str) -> str:
    integration = call.instance.integration
    if integration == EVOLUTION:
        return number
    jid = create_jid(number)
    return jid if integration == BUSINESS else _checked(call, number, jid)


def _checked(call: Call, number: str, jid: str) -> str:
    """The number check: the cache first, else WhatsApp, which needs the socket."""
    numbers = call.world.numbers
    cached = numbers.is_cached(jid)
    if call.instance.socket != "open":
        raise _closed(call, cached=cached)
    exists, used, rule = numbers.ask(jid)
    if exists or cached:
        numbers.remember(jid)
        return used
    if jid.endswith("@g.us"):
        raise refuse(400, ["[object Object]"])
    missing: JsonObject = {"jid": jid, "exists": False, "number": number}
    if rule is not None and rule.name:
        missing["name"] = rule.name
    if rule is not None and rule.lid:
        missing["lid"] = rule.lid
    raise refuse(400, [missing])


def _closed(call: Call, *, cached: bool) -> Exception:
    never = call.instance.socket == "none"
    if cached:
        lost = f"TypeError: {undefined('sendMessage')}" if never else "Error: Connection Closed"
        return refuse(400, [lost])
    return refuse(500, undefined("onWhatsApp") if never else "Connection Closed")


async def _wait(call: Call, delay_ms: float) -> None:
    """`delay` and the simulated network; the socket may close meanwhile."""
    honoured = 0 if call.instance.integration == BUSINESS else max(delay_ms, 0)
    milliseconds = honoured + call.world.tuning.latency_ms
    if milliseconds <= 0:
        return
    await asyncio.sleep(milliseconds / 1000)
    if call.instance.integration == BAILEYS and call.instance.socket != "open":
        raise _closed(call, cached=True)


def _hand_over(call: Call, draft: Draft, jid: str) -> Message:
    """The point of no return: the ledger row is written here."""
    world, instance = call.world, call.instance
    business = instance.integration == BUSINESS
    message = Message(
        instance=instance.name,
        instance_id=instance.id,
        key_id=_key_id(instance.integration),
        jid=_rewritten(call.fault, jid),
        message=draft.message,
        message_type=draft.message_type,
        text=draft.text,
        push_name=None if business else "Você",
        source="unknown" if business else "web",
        status=None if instance.integration == EVOLUTION else "PENDING",
    )
    entry = Entry(
        at=now_iso(),
        instance=instance.name,
        number=draft.number,
        jid=message.jid,
        key_id=message.key_id,
        kind=draft.kind,
        text=draft.text,
        caller_gone=call.caller_gone,
    )
    world.ledger.append(entry)
    world.stats.sent(instance.name)
    return message


def _key_id(integration: str) -> str:
    if integration == BUSINESS:
        return f"wamid.{uuid.uuid4().hex.upper()}"
    return str(uuid.uuid4()) if integration == EVOLUTION else new_key_id()


def _rewritten(fault: Fault, jid: str) -> str:
    if fault.rewrite_jid is None:
        return jid
    if fault.rewrite_jid == "lid":
        return f"{int(new_key_id('')[:11], 16):015d}@lid"
    return fault.rewrite_jid


def _tell(call: Call, message: Message) -> None:
    """SEND_MESSAGE, then whatever comes back from WhatsApp."""
    world, instance, fault = call.world, call.instance, call.fault
    if "SEND_MESSAGE" not in fault.lose_events:
        world.webhooks.emit(instance, "SEND_MESSAGE", message.wire())
    if "MESSAGES_UPDATE" not in fault.lose_events and instance.integration != EVOLUTION:
        world.receipts.schedule(instance, message, fault)
