"""Evolution: is it there, which version, does each number report to us."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from deploy.doctor.finding import Finding
from shared.db.restores import AskedInstance
from shared.security.sealing import Sealer, SealError
from shared.settings import Settings

_TIMEOUT: Final = 10.0
_EVENTS: Final = frozenset(
    {"SEND_MESSAGE", "MESSAGES_UPDATE", "MESSAGES_UPSERT", "CONNECTION_UPDATE"}
)
_FROM, _BELOW = (2, 3), (2, 4)


@dataclass(frozen=True, slots=True)
class Number:
    """An instance with its key opened."""

    name: str
    token: str
    public_id: str
    known_id: str | None


def look(settings: Settings) -> Iterator[Finding]:
    """The server: reachable, our key, its version."""
    headers = {"apikey": settings.evolution_api_key.get_secret_value()}
    began = time.monotonic()
    try:
        with httpx.Client(base_url=settings.evolution_api_url, timeout=_TIMEOUT) as client:
            answer = client.get("/instance/fetchInstances", headers=headers)
            took = time.monotonic() - began
            version = _version(client)
    except httpx.HTTPError as exc:
        fix = "Check EVOLUTION_API_URL and that Evolution runs."
        yield Finding("Evolution", False, repr(exc), fix)
        return
    yield Finding(
        "Evolution",
        answer.status_code == 200,
        f"HTTP {answer.status_code} in {took:.2f} s",
        "401: check EVOLUTION_API_KEY. 404: EVOLUTION_API_URL is not an Evolution v2 server.",
    )
    numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2] if part.isdigit())
    yield Finding(
        "Evolution version",
        _FROM <= numbers < _BELOW,
        version or "not told",
        "RapidFlow knows what answers of 2.3.x prove; pin the image to 2.3.7.",
    )


def _version(client: httpx.Client) -> str:
    try:
        told = client.get("/").json()
    except (httpx.HTTPError, ValueError):
        return ""
    return str(told.get("version") or "") if isinstance(told, dict) else ""


def open_tokens(
    settings: Settings, instances: Sequence[AskedInstance]
) -> Iterator[Finding | Number]:
    """The numbers, or why ENCRYPTION_KEY does not open one."""
    sealer = Sealer(settings.encryption_key.get_secret_value())
    for one in instances:
        place = {"table": "instances", "column": "token", "row_id": one.public_id}
        try:
            token = sealer.open_sealed(one.token, tenant_id=one.tenant_id, **place)
        except SealError:
            yield Finding(
                f"number {one.name}",
                False,
                "its key does not open",
                "ENCRYPTION_KEY is not the one it was sealed with: set that, or delete the "
                "instance and adopt it anew.",
            )
        else:
            yield Number(one.name, token, one.public_id, one.known_id)


def look_at(settings: Settings, number: Number) -> Iterator[Finding]:
    """Whether a number is connected, reports to us, and its messages are kept."""
    check = f"number {number.name}"
    headers, name = {"apikey": number.token}, quote(number.name, safe="")
    try:
        with httpx.Client(
            base_url=settings.evolution_api_url, timeout=_TIMEOUT, headers=headers
        ) as client:
            state = _state(client.get(f"/instance/connectionState/{name}"))
            hook = client.get(f"/webhook/find/{name}")
            kept = number.known_id is None or _is_kept(client, name, number.known_id)
    except (httpx.HTTPError, ValueError) as exc:
        yield Finding(check, False, repr(exc), "Look into Evolution's own log.")
        return
    yield Finding(
        check,
        state == "open",
        f"connection {state}",
        "Link its phone again (GET /api/instances/NAME/qr); `missing`: adopt it anew.",
    )
    yield _webhook(settings, number, hook)
    yield Finding(
        f"{check}: messages kept",
        kept,
        "yes" if kept else "what it sent is not found",
        "Set DATABASE_SAVE_DATA_NEW_MESSAGE=true in Evolution: without it no doubt is ever settled "
        "by a look, and a restore cannot tell what was sent.",
    )


def _state(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return "missing" if answer.status_code == 404 else f"unknown (HTTP {answer.status_code})"
    return str(_part(answer.json(), "instance").get("state") or "close")


def _is_kept(client: httpx.Client, name: str, known_id: str) -> bool:
    asked = {"where": {"key": {"id": known_id}}, "page": 1, "offset": 1}
    answer = client.post(f"/chat/findMessages/{name}", json=asked)
    return answer.status_code == 200 and bool(_part(answer.json(), "messages").get("records"))


def _webhook(settings: Settings, number: Number, answer: httpx.Response) -> Finding:
    row = answer.json() if answer.status_code == 200 and answer.content else None
    row = row if isinstance(row, dict) else {}
    wanted = f"{settings.base_url}/webhooks/evolution/{number.public_id}"
    events = set(row.get("events") or _EVENTS)  # an empty list means all of them
    missing = sorted(_EVENTS - events)
    found = "registered"
    if not row.get("enabled"):
        found = "not registered"
    elif row.get("url") != wanted:
        found = "points somewhere else than PUBLIC_URL"
    elif missing:
        found = f"lacks {', '.join(missing)}"
    return Finding(
        f"number {number.name}: webhook",
        found == "registered",
        found,
        "Set PUBLIC_URL to what Evolution reaches and adopt it again: `rapidflow instance adopt`.",
    )


def _part(body: Any, name: str) -> dict[str, Any]:
    part = body.get(name) if isinstance(body, dict) else None
    return part if isinstance(part, dict) else {}
