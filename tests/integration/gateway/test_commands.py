"""`rapidflow api | gateway | server`: the real app under gunicorn, and what stops it."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import simple_websocket

from deploy.local.ports import free_port

from .conftest import World, end_of, hear, say


def command(service: str, *options: str) -> list[str]:
    code = f"from deploy.commands.{service} import {service}; {service}(prog_name='rapidflow')"
    return [sys.executable, "-c", code, *options]


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
def served(world: World, service: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = subprocess.Popen(
        command(service, "--port", str(port)),
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


def ping(port: int) -> None:
    client = simple_websocket.Client.connect(f"ws://127.0.0.1:{port}/ws")
    say(client, type="ping")
    assert hear(client) == {"type": "pong"}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        assert json.load(answer)["websocket"]["totalConnections"] == 1
    client.close()
    client.thread.join(5)


def test_server_answers_rest_and_sockets(world: World) -> None:
    with served(world, "server") as (process, port):
        assert status_of(port, "/api/campaigns") == 401
        ping(port)
        assert status_of(port, "/health", {f"X-{n}": "x" * 8000 for n in "abc"}) == 431
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert out == ""
        for line in err.splitlines():
            assert json.loads(line)["process"] == "server"


def test_gateway_answers_sockets_and_health_only(world: World) -> None:
    with served(world, "gateway") as (process, port):
        assert status_of(port, "/api/campaigns") == 404
        ping(port)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, "")
        assert {json.loads(line)["process"] for line in err.splitlines()} == {"gateway"}


def test_api_has_no_sockets_and_may_have_several_workers(world: World) -> None:
    with served(world, "api", RAPIDFLOW_HTTP__WORKERS="2") as (_, port):
        assert status_of(port, "/api/campaigns") == 401
        assert status_of(port, "/ws") in {400, 404}
    assert list((world.log_dir.parent / "state" / "metrics" / "api").iterdir())


def test_a_taken_port_is_one_sentence(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("server", "--port", str(port)),
            env=environment(world), capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: Port {port} on 127.0.0.1 is already in use")
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_setting_is_named(world: World, tmp_path: Path) -> None:
    given = environment(world)
    del given["JWT_SECRET"]
    done = subprocess.run(
        command("api"), env=given | {"PYTHONPATH": str(Path(__file__).parents[3])}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "JWT_SECRET" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_end_of_a_command_is_heard_by_its_sockets(world: World) -> None:
    with served(world, "server") as (process, port):
        client = simple_websocket.Client.connect(f"ws://127.0.0.1:{port}/ws")
        process.send_signal(signal.SIGTERM)
        assert end_of(client) == 1012
        client.sock.close()
