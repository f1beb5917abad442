"""Answers in the provider's shapes (evolution-api.md section 1, "Error body")."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

JsonObject = dict[str, Any]

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
}
_JSON = {"Content-Type": "application/json; charset=utf-8"}


class RefusalError(Exception):
    """The request ends here with this status and body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    merged = {**_JSON, **headers} if headers else _JSON
    return web.Response(status=status, body=orjson.dumps(body), headers=merged)


def error_body(status: int, message: object, reason: str | None = None) -> JsonObject:
    """`{"status", "error", "response": {"message": M}}`; M in any of its four forms."""
    return {
        "status": status,
        "error": reason or REASONS[status],
        "response": {"message": message},
    }


def refuse(status: int, message: object) -> RefusalError:
    """The normal error shape, ready to raise."""
    return RefusalError(status, error_body(status, message))


def undefined(attribute: str) -> str:
    """What Node says about a missing object."""
    return f"Cannot read properties of undefined (reading '{attribute}')"
