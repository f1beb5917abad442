"""`POST /message/<x>/{instance}`: arguments to drafts (evolution-api.md section 3)."""

from typing import Any

from aiohttp import web

from deploy.sandbox import media
from deploy.sandbox.answers import JsonObject, answer, refuse, undefined
from deploy.sandbox.calls import Call, Handler
from deploy.sandbox.instances import BUSINESS
from deploy.sandbox.sending import Draft, check_media_stage, send

MAX_REPLY_BUTTONS = 3
_NOT_OFFICIAL = "Method not available on WhatsApp Business API"
_NO_MESSAGE = f"TypeError: {undefined('message')}"


async def send_text(call: Call) -> web.Response:
    """Text is always normalised to `conversation`."""
    body = call.body
    text = body["text"]
    if not text.strip():
        refusal = _NO_MESSAGE if call.instance.integration == BUSINESS else "Text is required"
        raise refuse(400, [refusal])
    content = {"conversation": text}
    return await send(
        call, Draft("text", body["number"], content, "conversation", text, _delay(body))
    )


def _delay(body: JsonObject) -> float:
    return float(body.get("delay", 0))


async def send_media(call: Call) -> web.Response:
    """JSON (URL or base64) or multipart `file`; uploaded before the number check."""
    body, kind = call.body, call.body["mediatype"]
    name, caption = body.get("fileName"), body.get("caption")
    upload = body.get("file")
    if isinstance(upload, web.FileField):
        name, source = name or upload.filename, upload.filename
        media.check_picture(upload.file.read(16), kind)
    else:
        source = body.get("media")
        media.check(source, kind, name)
    check_media_stage(call)
    content = media.media_message(kind, source, name, caption)
    draft = Draft("media", body["number"], content, f"{kind}Message", caption or "", _delay(body))
    return await send(call, draft)


def _recording(kind: str, field: str, message_type: str, *, first: bool) -> Handler:
    """Audio, round video and sticker; `first`: uploaded before the number check."""

    async def handler(call: Call) -> web.Response:
        body = call.body
        if not isinstance(body.get("file"), web.FileField):
            media.check(body.get(field), kind, "file")
        if first:
            check_media_stage(call)
        content = {message_type: {"url": "https://mmg.whatsapp.net/sandbox.enc", "seconds": 1}}
        return await send(
            call, Draft(kind, body["number"], content, message_type, delay_ms=_delay(body))
        )

    return handler


async def send_sticker(call: Call) -> web.Response:
    """Not on the official channel."""
    _refuse_official(call)
    return await _recording("sticker", "sticker", "stickerMessage", first=False)(call)


def _refuse_official(call: Call) -> None:
    if call.instance.integration == BUSINESS:
        raise refuse(400, [_NOT_OFFICIAL])


async def send_location(call: Call) -> web.Response:
    """A pin."""
    body = call.body
    content = {
        "locationMessage": {
            "degreesLatitude": body["latitude"],
            "degreesLongitude": body["longitude"],
            "name": body["name"],
            "address": body["address"],
        }
    }
    draft = Draft(
        "location", body["number"], content, "locationMessage", body["name"], _delay(body)
    )
    return await send(call, draft)


async def send_contact(call: Call) -> web.Response:
    """One contact, or an array of them."""
    body = call.body
    cards = [
        {"displayName": card["fullName"], "vcard": f"BEGIN:VCARD\nFN:{card['fullName']}\nEND:VCARD"}
        for card in body["contact"]
    ]
    kind = "contactMessage" if len(cards) == 1 else "contactsArrayMessage"
    content: JsonObject = {kind: cards[0] if len(cards) == 1 else {"contacts": cards}}
    return await send(
        call, Draft("contact", body["number"], content, kind, str(cards[0]["displayName"]))
    )


async def send_reaction(call: Call) -> web.Response:
    """One emoji, or "" to remove it."""
    body = call.body
    reaction = body["reaction"]
    if reaction and (len(reaction) > 8 or reaction.isascii()):
        raise refuse(400, ['"reaction" must be an emoji'])
    content = {"reactionMessage": {"key": body["key"], "text": reaction}}
    return await send(
        call,
        Draft("reaction", body["key"]["remoteJid"], content, "reactionMessage", reaction),
    )


async def send_poll(call: Call) -> web.Response:
    """Not on the official channel."""
    _refuse_official(call)
    body = call.body
    content = {
        "pollCreationMessageV3": {
            "name": body["name"],
            "options": [{"optionName": value} for value in body["values"]],
            "selectableOptionsCount": body["selectableCount"],
        }
    }
    draft = Draft(
        "poll", body["number"], content, "pollCreationMessageV3", body["name"], _delay(body)
    )
    return await send(call, draft)


async def send_list(call: Call) -> web.Response:
    """Answers 201 though phones may never show it."""
    body = call.body
    content = {"listMessage": {key: body.get(key) for key in ("title", "buttonText", "sections")}}
    return await send(
        call,
        Draft("list", body["number"], content, "listMessage", body["title"], _delay(body)),
    )


async def send_buttons(call: Call) -> web.Response:
    """Up to three replies, no mixing, one pix alone."""
    body = call.body
    _check_buttons(body.get("buttons"))
    content: JsonObject = {
        "viewOnceMessage": {"message": {"interactiveMessage": {"nativeFlowMessage": {}}}}
    }
    draft = Draft(
        "buttons",
        body["number"],
        content,
        "viewOnceMessage",
        body.get("title", ""),
        _delay(body),
    )
    return await send(call, draft)


def _check_buttons(buttons: list[dict[str, Any]] | None) -> None:
    if buttons is None:
        raise refuse(500, undefined("length"))
    if not buttons:
        raise refuse(400, ["At least one button is required"])
    kinds = [button["type"] for button in buttons]
    if "pix" in kinds and len(kinds) > 1:
        raise refuse(400, ["Only one PIX button is allowed"])
    if kinds.count("reply") > MAX_REPLY_BUTTONS:
        raise refuse(400, ["Maximum of 3 reply buttons allowed"])
    if "reply" in kinds and kinds.count("reply") != len(kinds):
        raise refuse(400, ["Reply buttons cannot be mixed with other types"])


async def send_template(call: Call) -> web.Response:
    """Cloud API only."""
    body = call.body
    if call.instance.integration != BUSINESS:
        raise refuse(500, "Method not available in the Baileys service")
    if "number" not in body:
        graph = {"message": "(#100) The parameter to is required.", "type": "OAuthException"}
        return answer(201, {**graph, "code": 100, "fbtrace_id": "AbCdEfGhIjKlMnOpQrStUvW"})
    text = f"▶️{body['name']}◀️"
    content = {"conversation": text}
    return await send(call, Draft("template", body["number"], content, "conversation", text))


async def send_status(call: Call) -> web.Response:
    """To status@broadcast."""
    _refuse_official(call)
    body = call.body
    checks = [
        (body.get("content"), "Content is required"),
        (body.get("statusJidList") or body.get("allContacts"), "StatusJidList is required"),
    ]
    if body["type"] == "text":
        checks.append((body.get("backgroundColor"), "Background color is required"))
        checks.append((body.get("font"), "Font is required"))
    for present, missing in checks:
        if not present:
            raise refuse(400, [missing])
    content = {"extendedTextMessage": {"text": body["content"]}}
    return await send(
        call,
        Draft("status", "status@broadcast", content, "extendedTextMessage", body["content"]),
    )


HANDLERS: dict[str, Handler] = {
    "sendText": send_text,
    "sendMedia": send_media,
    "sendWhatsAppAudio": _recording("audio", "audio", "audioMessage", first=False),
    "sendPtv": _recording("ptv", "video", "ptvMessage", first=True),
    "sendSticker": send_sticker,
    "sendLocation": send_location,
    "sendContact": send_contact,
    "sendReaction": send_reaction,
    "sendPoll": send_poll,
    "sendList": send_list,
    "sendButtons": send_buttons,
    "sendTemplate": send_template,
    "sendStatus": send_status,
}
