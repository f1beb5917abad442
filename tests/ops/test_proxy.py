"""nginx with the configuration we ship, in front of a real api and a real gateway."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import pytest
from simple_websocket import Client  # type: ignore[import-untyped]

from deploy.bootstrap import bootstrap
from deploy.local.ports import free_port
from deploy.local.servers import RunningServers
from shared.settings import Settings, load_settings
from tests.conftest import cloned_database
from tests.end_to_end.stack import environment_of
from tests.ops.image import ROOT, need
from tests.sandbox_process import Sandbox

SHIPPED = ROOT / "deploy/nginx"
PATH = f"{os.environ['PATH']}:/usr/sbin"
TOKEN = "m" * 32


@dataclass(frozen=True)
class Services:
    """A running api and gateway: their ports, and an API key."""

    ports: Mapping[str, int]
    key: str


@dataclass(frozen=True)
class Front:
    """nginx as a client sees it."""

    url: str
    client: httpx.Client
    folder: Path


@pytest.fixture(scope="module")
def services(
    servers: RunningServers,
    template_database: str,
    sandbox_process: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Services]:
    """`rapidflow api` and `rapidflow gateway`."""
    folder = tmp_path_factory.mktemp("services")
    with cloned_database(servers, template_database) as database_url:
        settings = load_settings(
            database_url=database_url,
            redis_url=servers.redis_url,
            evolution_api_url=sandbox_process.url,
            evolution_api_key=sandbox_process.api_key,
            jwt_secret="j" * 40,
            encryption_key="k" * 43 + "=",
            log_dir=folder,
            data_dir=folder / "data",
            environment="test-proxy",
            _env_file=None,
        )
        with _running(settings, sandbox_process, folder) as running:
            yield running


@pytest.fixture
def front(services: Services, tmp_path: Path) -> Iterator[Front]:
    """nginx before them."""
    with _nginx(tmp_path, services.ports, services.key) as running:
        _wait(running.client)
        yield running


def test_the_shipped_configuration_is_accepted(tmp_path: Path) -> None:
    need({"nginx": "nginx-light"})
    for listen in ("off", "on"):
        folder = tmp_path / listen
        folder.mkdir()
        _configure(folder, free_port(), {"api": 1, "gateway": 2}, tls=listen == "on")
        done = subprocess.run(
            ["nginx", "-t", "-q", "-c", folder / "nginx.conf"],
            env={"PATH": PATH}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_the_limits_are_the_apis_own() -> None:
    text = (SHIPPED / "nginx.conf").read_text("utf-8")
    http, gateway = Settings.model_fields["http"].default, Settings.model_fields["gateway"].default
    assert f"client_max_body_size {http.campaign_bytes // 1024 // 1024}m;" in text
    assert 3 * gateway.ping_seconds < 100
    assert text.count("100s;") == 2


def test_rest_and_health_come_through(front: Front) -> None:
    assert front.client.get("/health").json()["status"] == "OK"
    answer = front.client.get("/api/campaigns")
    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Server"] == "nginx"


def test_a_socket_comes_through_and_stays(front: Front) -> None:
    ticket = front.client.post("/api/ws/ticket").json()["ticket"]
    connected = Client(f"{front.url.replace('http', 'ws')}/ws?ticket={ticket}")
    with contextlib.closing(connected) as websocket:
        told = [json.loads(websocket.receive(timeout=5)) for _ in range(1)]
        assert told[0]["type"] == "authenticated"
        websocket.send(json.dumps({"type": "ping"}))
        assert json.loads(websocket.receive(timeout=5))["type"] == "pong"
    assert ticket not in (front.folder / "access.log").read_text("utf-8")


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/metrics/", "/Metrics", "/%6detrics", "//metrics", "/x/../metrics",
     "/health/ready", "/health/ready/"],
)  # fmt: skip
def test_what_is_for_operators_is_not_there_from_outside(front: Front, path: str) -> None:
    host, port = front.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        bearer = f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{bearer}".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"not_found"' in answer


def test_a_body_over_the_limit_is_refused_in_the_apis_words(front: Front) -> None:
    over = front.client.post("/api/campaigns", content=b"x" * (4 * 1024 * 1024 + 1))
    assert over.status_code == 413
    assert over.json()["error"]["code"] == "payload_too_large"
    within = front.client.post("/api/auth/login", content=b"x" * (65 * 1024))
    assert within.status_code == 413  # the API's own, smaller limit
    assert within.json()["error"]["code"] == "payload_too_large"
    assert within.json()["error"]["request_id"]


def test_an_address_a_client_makes_up_is_not_believed(tmp_path: Path) -> None:
    """Sign-in attempts are counted per address: a new one each time would lift the limit."""
    with socket.create_server(("127.0.0.1", 0)) as api:
        ports = {"api": api.getsockname()[1], "gateway": free_port()}
        with _nginx(tmp_path, ports, "") as front:
            seen = _one_request_as_the_api_sees_it(front, api)
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "http"
    assert "Forwarded" not in seen
    assert "X-Real-IP" not in seen


def test_an_api_that_restarts_is_a_503_that_says_when(tmp_path: Path) -> None:
    with _nginx(tmp_path, {"api": free_port(), "gateway": free_port()}, "") as front:
        answer = front.client.get("/api/campaigns")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["error"]["code"] == "unavailable"


def test_tls_is_told_to_the_api(services: Services, tmp_path: Path) -> None:
    with _nginx(tmp_path, services.ports, services.key, tls=True) as front:
        answer = front.client.get("/health")
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        plain = httpx.get(front.url.replace("https", "http") + "/health")
        assert plain.status_code == 308
        assert plain.headers["Location"] == f"{front.url}/health"


def _one_request_as_the_api_sees_it(front: Front, api: socket.socket) -> dict[str, str]:
    """The headers that arrive at the api, of a request that lies about its origin."""
    lies = {
        "X-Forwarded-For": "10.1.2.3",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=10.1.2.3",
        "X-Real-IP": "10.1.2.3",
    }
    api.settimeout(5)
    host, port = front.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        told = "".join(f"{name}: {value}\r\n" for name, value in lies.items())
        raw.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{told}\r\n".encode())
        connection, _ = api.accept()
        with connection:
            lines = connection.recv(65536).decode().split("\r\n\r\n")[0].split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


@contextlib.contextmanager
def _running(settings: Settings, sandbox: Sandbox, folder: Path) -> Iterator[Services]:
    ports = {"api": free_port(), "gateway": free_port()}
    environment = {
        **environment_of(settings, sandbox, ports["api"]),
        "RAPIDFLOW_HTTP__TRUSTED_PROXIES": "1",
        "RAPIDFLOW_METRICS_TOKEN": TOKEN,
    }
    key = bootstrap(environment).api_key_file.read_text("utf-8").strip()
    with contextlib.ExitStack() as processes:
        output = processes.enter_context((folder / "output").open("wb"))
        for name, port in ports.items():
            command = [sys.executable, "-m", "deploy.cli", name]
            variables = {**environment, "PORT": str(port)}
            processes.enter_context(_process(command, variables, output))
        for port in ports.values():
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                _wait(client)
        yield Services(ports, key)


@contextlib.contextmanager
def _nginx(
    folder: Path, upstreams: Mapping[str, int], key: str, *, tls: bool = False
) -> Iterator[Front]:
    need({"nginx": "nginx-light"})
    port = free_port()
    _configure(folder, port, upstreams, tls=tls)
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    trusted = ssl.create_default_context(cafile=str(folder / "fullchain.pem") if tls else None)
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with (
        (folder / "output").open("wb") as output,
        _process(command, {"PATH": PATH}, output),
        httpx.Client(
            base_url=url, headers={"X-API-Key": key}, timeout=10, verify=trusted
        ) as client,
    ):
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert time.monotonic() < until, (folder / "output").read_text("utf-8")
            time.sleep(0.05)
        yield Front(url, client, folder)


@contextlib.contextmanager
def _process(command: list[str], variables: Mapping[str, str], output: IO[bytes]) -> Iterator[None]:
    process = subprocess.Popen(command, env=dict(variables), stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=40)


def _wait(client: httpx.Client) -> None:
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if client.get("/health").status_code == 200:
                return
        assert time.monotonic() < until
        time.sleep(0.1)


def _configure(folder: Path, port: int, upstreams: Mapping[str, int], *, tls: bool) -> None:
    """The shipped files, with this test's ports, names and places put in."""
    text = (SHIPPED / "nginx.conf").read_text("utf-8")
    text = text.replace("/tmp/", f"{folder}/").replace("/dev/stdout", f"{folder}/access.log")
    text = text.replace("127.0.0.1:8081", f"127.0.0.1:{free_port()}")
    text = text.replace("worker_rlimit_nofile 65536;", "").replace("16384;", "512;")
    (folder / "nginx.conf").write_text(text, "utf-8")
    names = (SHIPPED / "upstreams.conf").read_text("utf-8")
    for name, own in upstreams.items():
        names = names.replace(f"http://{name}:5000", f"http://127.0.0.1:{own}")
    (folder / "upstreams.conf").write_text(names, "utf-8")
    listen = (SHIPPED / f"listen-{'on' if tls else 'off'}.conf").read_text("utf-8")
    listen = listen.replace("listen 5000", f"listen 127.0.0.1:{port}").replace(
        "/run/tls", str(folder)
    )
    (folder / "listen.conf").write_text(listen, "utf-8")
    if tls:
        _certificate(folder)


def _certificate(folder: Path) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "fullchain.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
