"""Answers kept beside their effect, so that asking again with the same key changes nothing.

An effect inside our transaction holds its key with that transaction (`claim`, `record`). One
outside it, such as an instance made in Evolution, has a claim of its own (`begin`, then `settle`,
`release` or `lapse`), committed before the effect: whoever asks meanwhile is told to wait, and if
the process dies the next one to ask takes the claim over and finishes what its plan says.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.errors import InvalidRequest, InvalidTransition

_SQL = load_sql("idempotency.sql")

#: Longer than any effect takes; after that a claim's process is taken for dead.
CLAIM_LIFE: Final = timedelta(minutes=3)


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


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that is ours to work on; `plan` is what the first claim of it meant to do."""

    asked: Asked
    claim_id: uuid.UUID
    plan: dict[str, Any]


def claim(conn: Connection[Row], asked: Asked) -> StoredAnswer | None:
    """The stored answer, or None: this transaction is now the only one with the key.

    Raises:
        InvalidTransition: the first request with this key is still being worked on.
        InvalidRequest: the key was used with another body.
    """
    held = conn.execute(_SQL["hold"], _key(asked)).fetchone()
    if not (held and held[0]):
        raise _in_progress()
    conn.execute(_SQL["expire"], _key(asked))
    with conn.cursor(row_factory=class_row(StoredAnswer)) as cur:
        stored = cur.execute(_SQL["find"], _key(asked)).fetchone()
    if stored is not None:
        _check_body(asked, bytes(stored.body_hash))
    return stored


def begin(conn: Connection[Row], asked: Asked, plan: Mapping[str, Any]) -> Claim | StoredAnswer:
    """Claim the key for an effect outside this transaction, which is to be committed first.

    Raises:
        InvalidTransition: another process is at it.
        InvalidRequest: the key was used with another body.
    """
    claim_id = uuid.uuid4()
    params = {
        **_key(asked),
        "body_hash": asked.body_hash,
        "plan": Jsonb(plan),
        "claim_id": claim_id,
        "life": CLAIM_LIFE,
    }
    conn.execute(_SQL["expire"], params)
    row = conn.execute(_SQL["begin"], params).fetchone()
    if row is None:
        found = conn.execute(_SQL["find_any"], params).fetchone()
        if found is None:
            raise _in_progress()  # released this instant
        body_hash, status, answer = found
        _check_body(asked, bytes(body_hash))
        if status is not None:
            return StoredAnswer(body_hash, status, answer)
        row = conn.execute(_SQL["take_over"], params).fetchone()
    if row is None:
        raise _in_progress()
    return Claim(asked, claim_id, row[0])


def settle(conn: Connection[Row], claimed: Claim, status: int, answer: Mapping[str, Any]) -> None:
    """The effect happened: its answer is given to whoever asks again."""
    conn.execute(_SQL["settle"], {**_claim_key(claimed), "status": status, "answer": Jsonb(answer)})


def release(conn: Connection[Row], claimed: Claim) -> None:
    """Refused and nothing is left: the key is free again."""
    conn.execute(_SQL["release"], _claim_key(claimed))


def lapse(conn: Connection[Row], claimed: Claim) -> None:
    """Broken off half-way: the next to ask takes over at once."""
    conn.execute(_SQL["lapse"], _claim_key(claimed))


def record(conn: Connection[Row], asked: Asked, status: int, answer: dict[str, Any]) -> None:
    """Keep the answer in the transaction of its effect, for 24 hours."""
    params = {
        **_key(asked),
        "body_hash": asked.body_hash,
        "status": status,
        "answer": Jsonb(answer),
    }
    conn.execute(_SQL["record"], params)


def forget(conn: Connection[Row]) -> int:
    """Drop keys older than a day, as the engine; returns how many."""
    return conn.execute(_SQL["forget"]).rowcount


def _key(asked: Asked) -> dict[str, Any]:
    return {"tenant_id": asked.tenant_id, "route": asked.route, "key": asked.key}


def _claim_key(claimed: Claim) -> dict[str, Any]:
    return {**_key(claimed.asked), "claim_id": claimed.claim_id}


def _check_body(asked: Asked, body_hash: bytes) -> None:
    if body_hash != asked.body_hash:
        raise InvalidRequest(
            "Esta Idempotency-Key já foi usada com outro conteúdo.", code="idempotency_key_reused"
        )


def _in_progress() -> InvalidTransition:
    return InvalidTransition(
        "Um pedido com esta Idempotency-Key ainda está em andamento.",
        code="idempotency_in_progress",
        retry_after_seconds=1,
    )
