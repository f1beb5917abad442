"""One request on its way through a route."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from deploy.sandbox.answers import RefusalError, refuse
from deploy.sandbox.faults import NO_FAULT, Fault
from deploy.sandbox.instances import Instance
from deploy.sandbox.world import World

_HANG_POLL_SECONDS = 0.5


@dataclass(slots=True)
class Call:
    """What a handler gets: the parsed body, the instance of the path, the fault chosen for it."""

    request: web.BaseRequest
    world: World
    route: str
    body: Any
    path: tuple[str, ...] = ()
    found: Instance | None = None
    fault: Fault = NO_FAULT

    @property
    def instance(self) -> Instance:
        """The instance of the path; guards made sure it exists."""
        if self.found is None:
            raise RefusalError(500, None)
        return self.found

    @property
    def is_global(self) -> bool:
        """True when the caller holds the global key."""
        return self.request.headers.get("apikey") == self.world.config.api_key

    @property
    def caller_gone(self) -> bool:
        """True when the caller hung up."""
        transport = self.request.transport
        return transport is None or transport.is_closing()


Handler = Callable[[Call], Awaitable[web.Response]]


async def hang(call: Call) -> None:
    """Until the caller gives up or the sandbox ends."""
    while not call.caller_gone and not call.world.closing.is_set():
        await asyncio.sleep(_HANG_POLL_SECONDS)


def guard(call: Call, *, named: str | None) -> None:
    """Instance exists, duplicate name, api key: in this order (section 1)."""
    if named is not None:
        _guard_instance(call, named)
    if call.route == "instance/create":
        _guard_name(call)
    _guard_key(call)


def _guard_instance(call: Call, named: str) -> None:
    call.found = call.world.instances.find(named)
    if call.found is None:
        if call.world.instances.is_removing(named) % 2:
            raise refuse(500, "Cannot read properties of undefined (reading 'connectionStatus')")
        raise refuse(404, [f'The "{named}" instance does not exist'])


def _guard_name(call: Call) -> None:
    instances = call.world.instances
    name = call.body.get("instanceName") if isinstance(call.body, dict) else None
    if name is None:
        if instances.by_name:
            raise refuse(403, ['This name "undefined" is already in use.'])
        return
    if instances.find(str(name)) or instances.is_removing(str(name)):
        raise refuse(403, [f'This name "{name}" is already in use.'])


def _guard_key(call: Call) -> None:
    key = call.request.headers.get("apikey")
    if key and key == call.world.config.api_key:
        return
    if key and call.found is not None and key == call.found.token:
        return
    holders = call.world.instances.by_name.values()
    if call.route == "instance/fetchInstances" and key in {row.token for row in holders}:
        return
    raise refuse(401, "Unauthorized")
