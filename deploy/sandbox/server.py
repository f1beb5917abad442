"""The listening server around one world."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from deploy.sandbox.app import App
from deploy.sandbox.tuning import Config, Tuning
from deploy.sandbox.world import World

MAX_BODY_BYTES = 136 * 1024 * 1024
_SHUTDOWN_SECONDS = 0.5
_BACKLOG = 1024


@asynccontextmanager
async def running(config: Config, tuning: Tuning | None = None) -> AsyncIterator[tuple[str, World]]:
    """Listen for the length of the block; gives the URL and the world."""
    world = World(config, tuning or Tuning())
    loop = asyncio.get_running_loop()

    def request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Any:
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES
        )

    server = web.Server(App(world).handle, request_factory=request, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        await web.TCPSite(runner, config.host, config.port, backlog=_BACKLOG).start()
        host = f"[{config.host}]" if ":" in config.host else config.host
        url = f"http://{host}:{runner.addresses[0][1]}"
        world.start(url)
        yield url, world
    finally:
        world.closing.set()
        await runner.cleanup()
        await world.close()
