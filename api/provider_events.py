"""Evolution's envelopes: what is kept of them, and what makes two of them the same."""

import hashlib
import json
import re
from typing import Any, Final

from shared.db.inbox import ProviderEvent
from shared.db.instances import WebhookTarget
from shared.errors import NotFound, RequestError

#: Events the receipts worker knows; others are acknowledged and dropped.
KEPT: Final = frozenset(
    {
        "send.message",
        "messages.update",
        "messages.upsert",
        "connection.update",
        "status.instance",
        "logout.instance",
        "remove.instance",
    }
)
_PUBLIC_ID: Final = re.compile(r"(\d{1,18})-[A-Z2-7]{26}")
_DEEPEST: Final = 100
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # jsonb refuses them


def public_id_prefix(tenant_id: int) -> str:
    """The public id says whose it is, so the row is looked up under its own tenant."""
    return f"{tenant_id}-"


def tenant_of(public_id: str) -> int:
    """Where to look; the random part, checked against the row, is what counts.

    Raises:
        NotFound: it was not made by us.
    """
    match = _PUBLIC_ID.fullmatch(public_id)
    if match is None:
        raise NotFound("Instância desconhecida.")
    return int(match[1])


def read(raw: bytes, target: WebhookTarget) -> ProviderEvent | None:
    """The event to store; None where nobody would look at it. The instance's key is dropped.

    Raises:
        RequestError: 400, not an envelope of this instance.
    """
    envelope = _envelope(raw)
    event, data = envelope.get("event"), envelope.get("data")
    if envelope.get("instance") != target.name or not isinstance(event, str):
        raise RequestError("O evento não é desta instância.", code="wrong_instance")
    event = event.lower().replace("_", ".")
    if event not in KEPT:
        return None
    data = _storable(_without_key(data))
    key = _dedupe_key(event, data, str(_storable(str(envelope.get("date_time")))))
    return ProviderEvent(target.instance_id, event, key, data)


def _envelope(raw: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise RequestError("O corpo não é JSON.", code="malformed_json") from exc
    if not isinstance(envelope, dict) or _is_deeper(envelope, _DEEPEST):
        raise RequestError("O corpo não é um evento.", code="malformed_json")
    return envelope


def _is_deeper(value: Any, levels: int) -> bool:
    """Nested more than `levels` deep; looks level by level, so depth itself harms nothing."""
    layer: list[Any] = [value]
    for _ in range(levels):
        nested: list[Any] = []
        for item in layer:
            if isinstance(item, dict):
                nested.extend(item.values())
            elif isinstance(item, list):
                nested.extend(item)
        layer = [item for item in nested if isinstance(item, dict | list)]
        if not layer:
            return False
    return True


def _without_key(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: value for name, value in data.items() if name not in ("apikey", "token")}
    return data


def _storable(value: Any) -> Any:
    """NUL and half characters replaced everywhere; NaN and infinities become null."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _dedupe_key(event: str, data: Any, sent_at: str) -> str:
    """Event, key id, status and direction; without a key id a hash of what was said and when."""
    part = data if isinstance(data, dict) else {}
    nested = part.get("key")
    key: dict[str, Any] = nested if isinstance(nested, dict) else {}
    identifier = key.get("id") or part.get("keyId")
    if identifier and event != "connection.update":
        direction = key.get("fromMe", part.get("fromMe"))
        named = f"{event}|{identifier}|{part.get('status')}|{direction}"
        return named if len(named) <= 300 else _digest(event, named.encode())
    said = json.dumps([data, sent_at], sort_keys=True)
    return _digest(event, said.encode())


def _digest(event: str, said: bytes) -> str:
    return f"{event}|{hashlib.sha256(said).hexdigest()}"
