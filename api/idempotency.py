"""`Idempotency-Key`: the same key and body get the same answer, the effect happens once."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Response, request
from psycopg import Connection

from api.json import json_response
from shared.db import idempotency
from shared.db.idempotency import Asked
from shared.db.pool import Row
from shared.errors import RequestError

_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")

Effect = Callable[[], Mapping[str, Any]]


def asked_once(tenant_id: int) -> Asked | None:
    """The request's key with the hash of its body (read before); None without a key.

    Raises:
        RequestError: the key is not 1-255 printable ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise RequestError(
            "Idempotency-Key precisa ter de 1 a 255 caracteres ASCII.", code="bad_idempotency_key"
        )
    route = f"{request.method} {request.path.rstrip('/')}"
    return Asked(tenant_id, route, key, hashlib.sha256(request.get_data()).digest())


def once(
    conn: Connection[Row], asked: Asked | None, effect: Effect, *, status: int
) -> tuple[Response, bool]:
    """The answer, and whether the effect happened now; both in the caller's transaction."""
    if asked is None:
        return json_response(effect(), status), True
    stored = idempotency.claim(conn, asked)
    if stored is not None:
        response = json_response(stored.answer, stored.status)
        response.headers["Idempotent-Replayed"] = "true"
        return response, False
    answer = effect()
    response = json_response(answer, status)
    idempotency.record(conn, asked, status, response.get_json())
    return response, True
