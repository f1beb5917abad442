"""Single-use tickets that open a WebSocket: a token would end up in URLs and proxy logs."""

import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from redis import Redis

_RANDOM_BYTES: Final = 24  # 192 bits
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True)
class TicketIdentity:
    """Who asked for the ticket; sockets opened with it end at `expires_at` (None: no end)."""

    tenant_id: int
    user_id: int
    role: str
    session_epoch: int
    expires_at: datetime | None = None


def issue_ticket(
    redis: Redis, identity: TicketIdentity, ttl_seconds: int, *, environment: str
) -> str:
    """Store who this is for `ttl_seconds`; the ticket that names it works once.

    Raises:
        RedisError: Redis is away; no ticket was given.
    """
    ticket = secrets.token_urlsafe(_RANDOM_BYTES)
    redis.set(_key(environment, ticket), orjson.dumps(asdict(identity)), ex=ttl_seconds)
    return ticket


def redeem_ticket(redis: Redis, ticket: str, *, environment: str) -> TicketIdentity | None:
    """Who the ticket stands for, and its end; None if unknown, used or too old.

    Raises:
        RedisError: Redis is away; nobody is let in.
    """
    if not _SHAPE.fullmatch(ticket):
        return None
    stored = redis.getdel(_key(environment, ticket))
    if stored is None:
        return None
    fields: dict[str, Any] = orjson.loads(stored)
    if fields["expires_at"] is not None:
        fields["expires_at"] = datetime.fromisoformat(fields["expires_at"])
    return TicketIdentity(**fields)


def _key(environment: str, ticket: str) -> str:
    return f"{environment}:ticket:{ticket}"
