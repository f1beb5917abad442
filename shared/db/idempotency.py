"""Answers kept beside their effect, so that asking again with the same key changes nothing."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.errors import InvalidRequest, InvalidTransition

_SQL = load_sql("idempotency.sql")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with a key: `route` is method and template, `body_hash` the SHA-256 of its body."""

    tenant_id: int
    route: str
    key: str
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered the first time."""

    body_hash: bytes
    status: int
    answer: dict[str, Any]


def claim(conn: Connection[Row], asked: Asked) -> StoredAnswer | None:
    """The stored answer, or None: this transaction is now the only one with the key.

    Raises:
        InvalidTransition: the first request with this key is still being worked on.
        InvalidRequest: the key was used with another body.
    """
    params = {"tenant_id": asked.tenant_id, "route": asked.route, "key": asked.key}
    held = conn.execute(_SQL["hold"], params).fetchone()
    if not (held and held[0]):
        raise InvalidTransition(
            "Um pedido com esta Idempotency-Key ainda está em andamento.",
            code="idempotency_in_progress",
            retry_after_seconds=1,
        )
    with conn.cursor(row_factory=class_row(StoredAnswer)) as cur:
        stored = cur.execute(_SQL["find"], params).fetchone()
    if stored is not None and bytes(stored.body_hash) != asked.body_hash:
        raise InvalidRequest(
            "Esta Idempotency-Key já foi usada com outro conteúdo.", code="idempotency_key_reused"
        )
    return stored


def record(conn: Connection[Row], asked: Asked, status: int, answer: dict[str, Any]) -> None:
    """Keep the answer in the transaction of its effect, for 24 hours."""
    params = {
        "tenant_id": asked.tenant_id,
        "route": asked.route,
        "key": asked.key,
        "body_hash": asked.body_hash,
        "status": status,
        "answer": Jsonb(answer),
    }
    conn.execute(_SQL["record"], params)


def forget(conn: Connection[Row]) -> int:
    """Drop keys older than a day, as the engine; returns how many."""
    return conn.execute(_SQL["forget"]).rowcount
