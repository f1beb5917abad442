"""`rapidflow api | gateway | server`: the real app under gunicorn, and what stops it."""

import json
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import simple_websocket

from .conftest import World, end_of, hear, say
from .processes import command, environment, served, status_of


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


def test_gateway_asks_the_system_for_a_file_for_each_socket(world: World) -> None:
    few = "from resource import *; setrlimit(RLIMIT_NOFILE, (256, getrlimit(RLIMIT_NOFILE)[1]))"
    with served(world, "gateway", first=few) as (process, _):
        limits = Path(f"/proc/{process.pid}/limits").read_text("utf-8").splitlines()
        (files,) = (line for line in limits if line.startswith("Max open files"))
        assert int(files.split()[3]) == 5512


def test_api_has_no_sockets_and_may_have_several_workers(world: World) -> None:
    with served(world, "api", RAPIDFLOW_HTTP__WORKERS="2") as (_, port):
        assert status_of(port, "/api/campaigns") == 401
        assert status_of(port, "/ws") in {400, 404}
        counted = world.log_dir.parent / "state" / "metrics" / f"api-{port}"
        assert list(counted.iterdir())


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
