"""Control routes under /sandbox: no part of the provider, the handles of tests and demos.

They need the global key as `apikey` header or query parameter. The page and its `/sandbox/overview`
are open when the sandbox listens on loopback and is asked for by a loopback name.
"""

import ipaddress
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from deploy.sandbox.answers import JsonObject, RefusalError, answer
from deploy.sandbox.calls import Call, Handler
from deploy.sandbox.faults import RuleError, parse_rules
from deploy.sandbox.instances import Instance
from deploy.sandbox.ledger import as_json, as_text
from deploy.sandbox.model import Model
from deploy.sandbox.numbers import NumberRule
from deploy.sandbox.page import overview, page
from deploy.sandbox.stats import Stats

_DEFAULT_LIMIT = 0
_CLOSE_REASON = 401


def _bad(message: str) -> RefusalError:
    return RefusalError(400, {"error": message})


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guard_control(call: Call) -> None:
    """Refuse without the global key; the page is open on loopback."""
    key = call.request.headers.get("apikey") or call.request.query.get("apikey")
    if key == call.world.config.api_key:
        return
    asked_host = urlsplit(f"//{call.request.headers.get('Host', '')}").hostname or ""
    local = _is_loopback(call.world.config.host) and _is_loopback(asked_host)
    is_page = call.request.method == "GET" and call.path in ((), ("overview",))
    if not (is_page and local):
        raise RefusalError(
            401, {"error": "the global api key is needed: apikey header or parameter"}
        )


def _instance(call: Call) -> Instance:
    found = call.world.instances.find(call.path[1])
    if found is None:
        raise RefusalError(404, {"error": f"no instance {call.path[1]!r}"})
    return found


def _object(call: Call) -> JsonObject:
    if not isinstance(call.body, dict):
        raise _bad("expected a JSON object")
    return call.body


async def get_page(_call: Call) -> web.Response:
    """The page."""
    return web.Response(text=page(), content_type="text/html", charset="utf-8")


async def get_overview(call: Call) -> web.Response:
    """What the page shows."""
    return answer(200, overview(call.world))


async def get_ledger(call: Call) -> web.Response:
    """`?instance=&number=&limit=&format=json|text`, oldest first, the newest `limit`."""
    query = call.request.query
    try:
        limit = int(query.get("limit", _DEFAULT_LIMIT))
    except ValueError as error:
        raise _bad("limit must be a number") from error
    rows = call.world.ledger.rows(
        instance=query.get("instance", ""), number=query.get("number", ""), limit=limit
    )
    if query.get("format") == "text":
        return web.Response(text="".join(f"{as_text(row)}\n" for row in rows))
    return answer(200, [as_json(row) for row in rows])


async def clear_ledger(call: Call) -> web.Response:
    """Empties it."""
    call.world.ledger.clear()
    return answer(200, {"cleared": True})


async def get_stats(call: Call) -> web.Response:
    """Counters, plus `ledger` and `webhooks`."""
    webhooks = {"pending": call.world.webhooks.pending, **call.world.webhooks.counts}
    body = {**call.world.stats.as_json(), "ledger": len(call.world.ledger), "webhooks": webhooks}
    return answer(200, body)


async def clear_stats(call: Call) -> web.Response:
    """Starts counting anew."""
    call.world.stats = Stats()
    return answer(200, {"cleared": True})


async def get_faults(call: Call) -> web.Response:
    """The rules with their `hits`."""
    return answer(200, [rule.as_json() for rule in call.world.faults.rules])


async def put_faults(call: Call) -> web.Response:
    """Replaces all rules."""
    call.world.faults.rules = _rules(call)
    return await get_faults(call)


async def post_faults(call: Call) -> web.Response:
    """Adds rules after the present ones."""
    call.world.faults.rules += _rules(call)
    return await get_faults(call)


def _rules(call: Call) -> list[Any]:
    try:
        return parse_rules(call.body)
    except RuleError as error:
        raise _bad(str(error)) from error


async def clear_faults(call: Call) -> web.Response:
    """Removes all rules."""
    call.world.faults.rules = []
    return answer(200, [])


async def get_settings(call: Call) -> web.Response:
    """The behaviour knobs."""
    return answer(200, asdict(call.world.tuning))


async def put_settings(call: Call) -> web.Response:
    """Changes some of them."""
    try:
        call.world.tuning.change(_object(call))
    except ValueError as error:
        raise _bad(str(error)) from error
    return await get_settings(call)


async def put_number(call: Call) -> web.Response:
    """`{on_whatsapp, jid?, lid?, name?, cached?}` for both Brazilian variants of the number."""
    body = _object(call)
    known = {"on_whatsapp", "jid", "lid", "name", "cached"}
    if not isinstance(body.get("on_whatsapp"), bool) or set(body) - known:
        raise _bad("expected {on_whatsapp: bool, jid?, lid?, name?, cached?}")
    rule = NumberRule(**{key: value for key, value in body.items() if key != "cached"})
    call.world.numbers.put(call.path[1], rule, cached=bool(body.get("cached", False)))
    call.world.save()
    return answer(200, {"number": call.path[1], **asdict(rule)})


async def put_state(call: Call) -> web.Response:
    """`{state: open|close|connecting|refused, statusReason?, reconnect?, dead?, loaded?}`."""
    instance, body = _instance(call), _object(call)
    if isinstance(body.get("loaded"), bool):
        instance.loaded = body["loaded"]
    if "state" in body:
        _move(call, instance, body)
    shown = {"state": instance.status, "socket": instance.socket, "loaded": instance.loaded}
    return answer(200, {"instance": instance.name, **shown})


def _move(call: Call, instance: Instance, body: JsonObject) -> None:
    connections, state = call.world.connections, body["state"]
    if state == "open" and body.get("dead"):
        connections.die(instance)
    elif state == "open":
        connections.open(instance)
    elif state == "connecting":
        connections.connecting(instance)
    elif state == "refused":
        connections.refuse(instance)
    elif state == "close":
        reason = int(body.get("statusReason", _CLOSE_REASON))
        connections.close(instance, reason, reconnect=bool(body.get("reconnect", True)))
    else:
        raise _bad("state must be open, close, connecting or refused")


async def post_inbound(call: Call) -> web.Response:
    """`{from, text, push_name?, from_me?}`: a message arrives; MESSAGES_UPSERT."""
    instance, body = _instance(call), _object(call)
    sender, text = body.get("from"), body.get("text")
    if not isinstance(sender, str) or not isinstance(text, str):
        raise _bad("expected {from: digits or JID, text: string}")
    message = call.world.receipts.receive(
        instance,
        sender if "@" in sender else f"{sender.lstrip('+')}@s.whatsapp.net",
        text,
        push_name=body.get("push_name"),
        from_me=bool(body.get("from_me", False)),
    )
    return answer(201, message.wire())


async def post_flood(call: Call) -> web.Response:
    """`{per_second?: 40, for_ms?: 1000}`: `connecting` again and again."""
    body = _object(call)
    per_second, for_ms = float(body.get("per_second", 40)), float(body.get("for_ms", 1000))
    call.world.connections.flood(_instance(call), per_second, for_ms)
    return answer(202, {"per_second": per_second, "for_ms": for_ms})


async def post_reset(call: Call) -> web.Response:
    """Ledger, messages, faults, stats, numbers and model as new; instances and settings stay."""
    world = call.world
    world.ledger.clear()
    world.messages.clear()
    world.numbers.clear()
    world.faults.rules = []
    world.stats = Stats()
    world.model = Model()
    world.save()
    return answer(200, {"reset": True})


async def get_model(call: Call) -> web.Response:
    """How the language model behaves."""
    return answer(200, call.world.model.as_json())


async def put_model(call: Call) -> web.Response:
    """`{latency_ms?, failure?, times?, contains?, usage?}`; see `deploy.sandbox.model`."""
    try:
        call.world.model.change(_object(call))
    except ValueError as error:
        raise _bad(str(error)) from error
    return await get_model(call)


async def get_model_requests(call: Call) -> web.Response:
    """The last completions asked for, oldest first: `{model, messages, failure, …}`."""
    return answer(200, list(call.world.model.requests))


# `*` stands for one variable part of the path
HANDLERS: dict[tuple[str, ...], Handler] = {
    ("GET",): get_page,
    ("GET", "overview"): get_overview,
    ("GET", "ledger"): get_ledger,
    ("DELETE", "ledger"): clear_ledger,
    ("GET", "stats"): get_stats,
    ("DELETE", "stats"): clear_stats,
    ("GET", "faults"): get_faults,
    ("PUT", "faults"): put_faults,
    ("POST", "faults"): post_faults,
    ("DELETE", "faults"): clear_faults,
    ("GET", "settings"): get_settings,
    ("PUT", "settings"): put_settings,
    ("PUT", "numbers", "*"): put_number,
    ("PUT", "instances", "*", "state"): put_state,
    ("POST", "instances", "*", "inbound"): post_inbound,
    ("POST", "instances", "*", "flood"): post_flood,
    ("GET", "model"): get_model,
    ("PUT", "model"): put_model,
    ("GET", "model", "requests"): get_model_requests,
    ("POST", "reset"): post_reset,
}


def find_control(method: str, path: tuple[str, ...]) -> Handler | None:
    """The handler of `/sandbox/<path>`."""
    pattern = tuple("*" if at == 1 else part for at, part in enumerate(path))
    return HANDLERS.get((method, *path)) or HANDLERS.get((method, *pattern))
