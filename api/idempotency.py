"""`Idempotency-Key`: the same key and body get the same answer, the effect happens once.

Only success is kept: a refusal changed nothing, so asking again with the same key asks anew.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Response, request
from psycopg import Connection

from api.json import json_response
from shared.db import idempotency
from shared.db.idempotency import Asked, StoredAnswer
from shared.db.pool import Pool, Row, tenant_transaction
from shared.errors import ProviderError, RequestError, TemporarilyUnavailable

_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")

Effect = Callable[[], Mapping[str, Any]]
Plan = Mapping[str, Any]
Kept = Callable[[dict[str, Any]], dict[str, Any]]


def _whole(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def given_key() -> str | None:
    """The request's `Idempotency-Key`.

    Raises:
        RequestError: it is not 1-255 printable ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise RequestError(
            "Idempotency-Key precisa ter de 1 a 255 caracteres ASCII.", code="bad_idempotency_key"
        )
    return key


def asked_once(tenant_id: int, reference: str | None = None) -> Asked | None:
    """The request's key with the hash of its body (read before); None without a key.

    `reference`, an id the caller gives what it creates, serves as key where there is none.

    Raises:
        RequestError: the key is not 1-255 printable ASCII characters.
    """
    key = given_key()
    if key is None and reference is None:
        return None
    if key is None:
        key = f"reference {reference}"
    route = f"{request.method} {request.path.rstrip('/')}"
    return Asked(tenant_id, route, key, hashlib.sha256(request.get_data()).digest())


def once(
    conn: Connection[Row], asked: Asked | None, effect: Effect, *, status: int, kept: Kept = _whole
) -> tuple[Response, bool]:
    """The answer, and whether the effect happened now; both in the caller's transaction.

    `kept` takes out of the stored answer what may not be stored.
    """
    if asked is None:
        return json_response(effect(), status), True
    stored = idempotency.claim(conn, asked)
    if stored is not None:
        return _replay(stored), False
    response = json_response(effect(), status)
    idempotency.record(conn, asked, status, kept(response.get_json()))
    return response, True


def once_outside(
    pool: Pool,
    asked: Asked | None,
    plan: Plan,
    effect: Callable[[Plan], Mapping[str, Any]],
    *,
    status: int,
    kept: Kept = _whole,
) -> Response:
    """The answer of an effect that no transaction of ours can undo.

    The key is claimed with `plan`, a JSON object, before `effect` is called with it. Where an
    outage or the death of the process breaks it off, the next to ask gets that plan, to finish it.
    """
    if asked is None:
        return json_response(effect(plan), status)
    with tenant_transaction(pool, asked.tenant_id) as conn:
        claimed = idempotency.begin(conn, asked, plan)
    if isinstance(claimed, StoredAnswer):
        return _replay(claimed)
    try:
        response = json_response(effect(claimed.plan), status)
    except Exception as error:
        with tenant_transaction(pool, asked.tenant_id) as conn:
            (idempotency.release if _changed_nothing(error) else idempotency.lapse)(conn, claimed)
        raise
    with tenant_transaction(pool, asked.tenant_id) as conn:
        idempotency.settle(conn, claimed, status, kept(response.get_json()))
    return response


def _changed_nothing(error: Exception) -> bool:
    refused = isinstance(error, RequestError | ProviderError)
    return refused and not isinstance(error, TemporarilyUnavailable)


def _replay(stored: StoredAnswer) -> Response:
    response = json_response(stored.answer, stored.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response
