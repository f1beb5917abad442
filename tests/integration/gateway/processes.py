"""RapidFlow's web processes as their commands start them."""

import base64
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.ports import free_port

from .conftest import World


def command(service: str, *options: str, first: str = "") -> list[str]:
    """`first`: statements that run before the command."""
    start = f"from deploy.commands.{service} import {service}; {service}(prog_name='rapidflow')"
    return [sys.executable, "-c", f"{first}\n{start}", *options]


def environment(world: World, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": world.database_url,
        "REDIS_URL": world.redis_url,
        "EVOLUTION_API_URL": "http://127.0.0.1:1",
        "EVOLUTION_API_KEY": "k",
        "JWT_SECRET": "j" * 40,
        "ENCRYPTION_KEY": base64.b64encode(b"k" * 32).decode(),
        "LOG_DIR": str(world.log_dir),
        "DATA_DIR": str(world.log_dir.parent / "state"),
        **more,
    }


@contextmanager
def served(
    world: World, service: str, *, first: str = "", **more: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = subprocess.Popen(
        command(service, "--port", str(port), first=first),
        env=environment(world, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 20
        while status_of(port, "/health") != 200:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()


def status_of(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0
