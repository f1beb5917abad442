"""Web processes as their commands start them, and who may speak to them."""

import contextlib
import time
from collections.abc import Iterator

import httpx
import psutil

from bench.processes import running
from deploy.local.ports import free_port
from shared.db import api_keys
from shared.security.tokens import new_api_key, token_hash
from shared.settings import Settings
from tests.factories import Factory, Tenant
from tests.variables import environment_of

_START_SECONDS = 60.0


@contextlib.contextmanager
def web_process(name: str, settings: Settings, **more: str) -> Iterator[tuple[psutil.Process, int]]:
    """`rapidflow api` or `gateway` once it answers: the process that leads it, and its port.

    `more` goes to its environment.
    """
    port = free_port()
    environment = {**environment_of(settings), "PORT": str(port), **more}
    with running(["deploy.cli", name], environment) as process:
        _wait_for(f"http://127.0.0.1:{port}/health/live")
        yield process, port


def api_key(factory: Factory, tenant: Tenant) -> str:
    """A new key of the tenant's user."""
    secret = new_api_key()
    with factory.connect("rapidflow_app") as conn, conn.transaction():
        conn.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant.tenant_id),))
        api_keys.create_key(
            conn,  # type: ignore[arg-type]
            tenant_id=tenant.tenant_id,
            user_id=tenant.user_id,
            name="bench",
            prefix=secret[:10],
            key_hash=token_hash(secret),
        )
    return secret


def _wait_for(url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).is_success:
                return
        if time.monotonic() > until:
            raise TimeoutError(f"no answer from {url}")
        time.sleep(0.1)
