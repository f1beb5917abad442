"""The API as a process of its own, and somebody who may ask it."""

import contextlib
import time
from collections.abc import Iterator

import httpx
import psutil

from bench.processes import running
from bench.rig import environment_of
from shared.settings import Settings

_START_SECONDS = 60.0


@contextlib.contextmanager
def api(settings: Settings) -> Iterator[psutil.Process]:
    """`rapidflow api` on the settings' port, answering."""
    with running(["deploy.cli", "api"], environment_of(settings)) as process:
        _wait_ready(f"{settings.base_url}/health/ready")
        yield process


def _wait_ready(address: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(address, timeout=2).status_code == 200:
                return
        if time.monotonic() > until:
            raise TimeoutError(f"{address} does not answer")
        time.sleep(0.05)
