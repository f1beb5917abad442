"""From a request to its route: parse, guard, fault, validate, handle.

A hand-written dispatcher on aiohttp's low-level server: provider paths have two fixed parts and
an instance name, so one dictionary look-up finds the route, and a send costs no routing machinery.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import web

from deploy.sandbox import (
    chat_routes,
    config_routes,
    instance_routes,
    model_routes,
    send_routes,
)
from deploy.sandbox.answers import RefusalError, answer, error_body, refuse, undefined
from deploy.sandbox.calls import Call, Handler, guard, hang
from deploy.sandbox.catalogue import ERRORS, Asked
from deploy.sandbox.control import find_control, guard_control
from deploy.sandbox.schemas import SCHEMAS
from deploy.sandbox.validators import Check, texts
from deploy.sandbox.world import World

log = logging.getLogger("sandbox")


@dataclass(frozen=True, slots=True)
class Route:
    """One provider route."""

    name: str
    handler: Handler
    check: Check | None
    with_instance: bool
    sends: bool


def _routes() -> dict[tuple[str, str, bool], Route]:
    """By method, `group/action` and whether an instance name follows."""
    found: dict[tuple[str, str], Handler] = {}
    for action, handler in send_routes.HANDLERS.items():
        found["POST", f"message/{action}"] = handler
    for action, handler in chat_routes.HANDLERS.items():
        found["POST", f"chat/{action}"] = handler
    for (method, action), handler in instance_routes.HANDLERS.items():
        found[method, f"instance/{action}"] = handler
    for (method, group, action), handler in config_routes.HANDLERS.items():
        found[method, f"{group}/{action}"] = handler
    routes = {
        (method, name, True): _route(name, handler, with_instance=True)
        for (method, name), handler in found.items()
    }
    for method, name, handler in (
        ("POST", "instance/create", instance_routes.create),
        ("GET", "instance/fetchInstances", instance_routes.fetch_instances),
    ):
        routes[method, name, False] = _route(name, handler, with_instance=False)
    return routes


def _route(name: str, handler: Handler, *, with_instance: bool) -> Route:
    sends = name.startswith("message/")
    return Route(name, handler, SCHEMAS.get(name), with_instance, sends)


ROUTES = _routes()


class App:
    """The request handler of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing escapes."""
        try:
            response = await self._answer(request)
        except RefusalError as refusal:
            response = answer(refusal.status, refusal.body)
        except web.HTTPException as error:
            response = answer(error.status, {"error": error.reason})
        except Exception as error:
            log.exception("unhandled")
            response = answer(500, error_body(500, str(error)))
        self._world.stats.answers[response.status] += 1
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        parts = tuple(request.rel_url.raw_path.strip("/").split("/"))
        if parts[0] == "sandbox":
            return await self._control(request, tuple(unquote(part) for part in parts[1:]))
        if parts[0] == model_routes.PREFIX:
            return await self._model(request, parts[1:])
        body = await _parse(request)
        name = "/".join(parts[:2])
        route = ROUTES.get((request.method, name, len(parts) == 3)) if len(parts) > 1 else None
        call = Call(request, self._world, name, body)
        if route is None or len(parts) > 3:
            return await self._unknown(call, parts)
        self._world.stats.requests[name] += 1
        guard(call, named=_named(request, parts[2]) if route.with_instance else None)
        if not route.sends:
            return await self._run(call, route)
        loads = self._world.stats.enter(call.instance.name)
        try:
            return await self._run(call, route)
        finally:
            self._world.stats.leave(loads)

    async def _unknown(self, call: Call, parts: tuple[str, ...]) -> web.Response:
        if parts == ("",) and call.request.method == "GET":
            return await instance_routes.welcome(call)
        raise refuse(404, [f"Cannot {call.request.method} {call.request.rel_url.raw_path}"])

    async def _control(self, request: web.BaseRequest, path: tuple[str, ...]) -> web.Response:
        call = Call(request, self._world, "sandbox", None, path)
        guard_control(call)
        handler = find_control(request.method, path)
        if handler is None:
            raise RefusalError(404, {"error": f"no control route {request.method} {request.path}"})
        call.body = await _parse(request)
        return await handler(call)

    async def _model(self, request: web.BaseRequest, path: tuple[str, ...]) -> web.Response:
        call = Call(request, self._world, "model", None, path)
        return await model_routes.handle(call, await request.read())

    async def _run(self, call: Call, route: Route) -> web.Response:
        """The handler, with the chosen fault around it."""
        faults = self._world.faults
        if not faults.rules:
            return await _work(call, route)
        name = call.found.name if call.found else _created_name(call)
        call.fault = fault = faults.pick(call.route, name, call.body)
        if fault.connecting_flood and call.found:
            self._world.connections.flood(call.found, *fault.connecting_flood)
        await asyncio.sleep(fault.latency_ms / 1000)
        response = await _work(call, route) if fault.does_work else None
        await asyncio.sleep(fault.answer_after_ms / 1000)
        return await self._end(call, response)

    async def _end(self, call: Call, response: web.Response | None) -> web.Response:
        fault = call.fault
        if fault.hang:
            await hang(call)
        if (fault.hang or fault.reset) and call.request.transport is not None:
            call.request.transport.abort()
        if fault.error == "create_failed_400":
            self._world.instances.begin_removal(_created_name(call), fault.window_ms)
        if fault.error is not None:
            return ERRORS[fault.error].answer(_asked(call))
        if fault.body is not None:
            return _custom(fault.status, fault.body)
        return response or answer(500, None)


def _custom(status: int, body: Any) -> web.Response:
    return web.Response(status=status, text=body) if isinstance(body, str) else answer(status, body)


def _created_name(call: Call) -> str:
    return str(call.body.get("instanceName", "")) if isinstance(call.body, dict) else ""


def _asked(call: Call) -> Asked:
    body = call.body if isinstance(call.body, dict) else {}
    return Asked(
        method=call.request.method,
        path=call.request.rel_url.raw_path,
        instance=call.found.name if call.found else "",
        number=str(body.get("number", "")),
        retry_after=call.fault.retry_after,
    )


def _named(request: web.BaseRequest, part: str) -> str:
    """Query-string parameters are merged over the path parameters."""
    if request.rel_url.raw_query_string:
        return request.query.get("instanceName", unquote(part))
    return unquote(part) if "%" in part else part


async def _work(call: Call, route: Route) -> web.Response:
    if route.check is not None and (problems := route.check(call.body)):
        raise refuse(400, [texts(problems)])
    if route.sends and not call.instance.loaded:
        raise refuse(500, undefined("textMessage"))
    return await route.handler(call)


async def _parse(request: web.BaseRequest) -> Any:
    """JSON object or array, urlencoded or multipart; no body is an empty object."""
    if not request.body_exists:
        return {}
    kind = request.content_type
    if kind == "multipart/form-data":
        return dict(await request.post())
    raw = await request.read()
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    if kind != "application/json" or not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _malformed(str(error)) from error
    if not isinstance(body, (dict, list)):
        raise _malformed(f"Unexpected token {raw[:1].decode('latin-1')} in JSON at position 0")
    return body


def _malformed(text: str) -> RefusalError:
    return RefusalError(400, error_body(400, text, "Internal Server Error"))
