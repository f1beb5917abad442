"""The failure catalogue by name (evolution-api.md sections 1, 4 and 8): what each row answers.

`sends`: whether the message leaves before this answer, unless the rule says otherwise.
`stores`: whether the row reaches the database when it does leave. An error raised inside the
provider after the hand-over skips the insert: no SEND_MESSAGE, and acks are dropped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from deploy.sandbox.answers import answer, error_body, undefined
from deploy.sandbox.numbers import create_jid

_PRISMA = (
    "PrismaClientKnownRequestError: \nInvalid `this.prismaRepository.message.create()` invocation"
    "\n\nCan't reach database server at `postgres:5432`"
)
_GRAPH = {
    "message": "(#131026) Message undeliverable",
    "type": "OAuthException",
    "code": 131026,
    "error_data": {
        "messaging_product": "whatsapp",
        "details": "Message Undeliverable.",
    },
    "fbtrace_id": "AbCdEfGhIjKlMnOpQrStUvW",
}
_LICENSE = {
    "error": "service not activated",
    "code": "LICENSE_REQUIRED",
    "register_url": "https://license.example/register",
    "instance_id": "00000000-0000-4000-8000-000000000000",
    "docs_url": "https://license.example/docs",
    "message": "This instance must be activated before use.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer may quote of the request."""

    method: str
    path: str
    instance: str
    number: str
    retry_after: float = 1


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One way to fail."""

    answer: Callable[[Asked], web.Response] = field(repr=False)
    sends: bool = False
    stores: bool = True


def _row(status: int, message: Any, *, sends: bool = False, stores: bool = False) -> ErrorRow:
    return ErrorRow(lambda _asked: answer(status, error_body(status, message)), sends, stores)


def _html(status: int, title: str, headers: Mapping[str, str] | None = None) -> web.Response:
    page = (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return web.Response(status=status, text=page, content_type="text/html", headers=headers)


def _not_on_whatsapp(asked: Asked) -> web.Response:
    missing = {"jid": create_jid(asked.number), "exists": False, "number": asked.number}
    return answer(400, error_body(400, [missing]))


def _gone(asked: Asked) -> web.Response:
    return answer(404, error_body(404, [f'The "{asked.instance}" instance does not exist']))


def _cannot(asked: Asked) -> web.Response:
    return answer(404, error_body(404, [f"Cannot {asked.method} {asked.path}"]))


def _too_many(asked: Asked) -> web.Response:
    return _html(429, "Too Many Requests", {"Retry-After": f"{asked.retry_after:g}"})


def _unreadable(_asked: Asked) -> web.Response:
    cut = orjson.dumps({"key": {"remoteJid": "551199", "fromMe": True, "id": "3EB0"}})[:-9]
    return web.Response(status=201, body=cut, content_type="application/json")


def _proxy(status: int, title: str, *, sends: bool = False) -> ErrorRow:
    return ErrorRow(lambda _asked: _html(status, title), sends)


_NO_SEND_MESSAGE = f"TypeError: {undefined('sendMessage')}"
_NO_MESSAGE = f"TypeError: {undefined('message')}"
_NO_UPLOAD = f"TypeError: {undefined('waUploadToServer')}"

ERRORS: dict[str, ErrorRow] = {
    "schema_violation_400": _row(400, [['instance requires property "text"']]),
    "text_required_400": _row(400, ["Text is required"]),
    "bad_media_400": _row(400, ["Owned media must be a url or base64"]),
    "not_on_whatsapp": ErrorRow(_not_on_whatsapp),
    "on_whatsapp_undefined_500": _row(500, undefined("onWhatsApp")),
    "connection_closed_500": _row(500, "Connection Closed"),
    "connection_closed_400": _row(400, ["Error: Connection Closed"]),
    "send_message_undefined_400": _row(400, [_NO_SEND_MESSAGE]),
    "text_message_undefined_500": _row(500, undefined("textMessage")),
    "media_undefined_500": _row(500, [_NO_UPLOAD]),
    "media_upload_500": _row(500, ["Error: Media upload failed on all hosts"]),
    "timed_out_500": _row(500, "Timed Out"),
    "timed_out_400": _row(400, ["Error: Timed Out"]),
    "rate_overlimit_400": _row(400, ["Error: rate-overlimit"]),
    "rate_overlimit_500": _row(500, "rate-overlimit"),
    "database_error_after_send": _row(400, [_PRISMA], sends=True),
    "driver_error_after_send": _row(400, ["DriverAdapterError: TooManyConnections"], sends=True),
    "group_not_found_400": _row(400, ["[object Object]"]),
    "meta_unreadable_400": _row(400, [_NO_MESSAGE]),
    "unauthorized_401": _row(401, "Unauthorized"),
    "instance_gone_404": ErrorRow(_gone),
    "cannot_post_404": ErrorRow(_cannot),
    "license_503": ErrorRow(lambda _asked: answer(503, _LICENSE)),
    "proxy_429": ErrorRow(_too_many),
    "proxy_502": _proxy(502, "Bad Gateway"),
    "proxy_502_after_send": _proxy(502, "Bad Gateway", sends=True),
    "proxy_503": _proxy(503, "Service Temporarily Unavailable"),
    "proxy_504": _proxy(504, "Gateway Time-out"),
    "proxy_504_after_send": _proxy(504, "Gateway Time-out", sends=True),
    "created_without_key": ErrorRow(lambda _asked: answer(201, _GRAPH)),
    "created_unreadable_body": ErrorRow(_unreadable, sends=True),
    "create_failed_400": _row(400, ["Error: create failed"]),
}
