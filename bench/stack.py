"""The stack as its commands start it, for figures of whole processes."""

import contextlib
import time
from collections.abc import Iterator, Mapping

import httpx
import psutil

from bench.processes import running
from deploy.local.ports import free_port
from shared.settings import Settings

_START_SECONDS = 60.0


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """What `.env` would hold."""
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "EVOLUTION_API_URL": settings.evolution_api_url,
        "EVOLUTION_API_KEY": "bench",
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        "LOG_DIR": str(settings.log_dir),
        "RAPIDFLOW_ENVIRONMENT": settings.environment,
        "RAPIDFLOW_LOG_LEVEL": "WARNING",
        "RAPIDFLOW_DATA_DIR": str(settings.log_dir.parent / "data"),
        **more,
    }


@contextlib.contextmanager
def web_process(name: str, environment: Mapping[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    """`rapidflow api` or `gateway` once it answers: the process that leads it, and its port."""
    port = free_port()
    with running(["deploy.cli", name, "--port", str(port)], environment) as process:
        wait_for(f"http://127.0.0.1:{port}/health/live")
        yield process, port


def wait_for(url: str) -> None:
    """Until it answers 200."""
    until = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).is_success:
                return
        assert time.monotonic() < until, f"no answer from {url}"
        time.sleep(0.1)


def tree(process: psutil.Process) -> list[psutil.Process]:
    """A process and everything below it."""
    return [process, *process.children(recursive=True)]
