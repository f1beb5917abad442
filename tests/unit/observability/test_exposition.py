"""The internal listener: who may scrape it, and how Prometheus finds it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_port
from shared.observability import exposition
from shared.observability.exposition import MetricsListener, start_metrics_listener
from shared.observability.targets import announce
from shared.settings import Settings, load_settings

Start = Callable[..., MetricsListener | None]


def settings(**values: object) -> Settings:
    given: dict[str, object] = {
        "database_url": "postgresql://x",
        "redis_url": "redis://x",
        "evolution_api_url": "http://x",
        "evolution_api_key": "x",
        "jwt_secret": "j" * 40,
        "encryption_key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "_env_file": None,
    }
    return load_settings(**{**given, **values})


@pytest.fixture
def start() -> Iterator[Start]:
    """Listeners that are closed after the test."""
    started: list[MetricsListener] = []

    def begin(service: str = "worker", **values: object) -> MetricsListener | None:
        listener = start_metrics_listener(settings(**values), service)
        if listener is not None:
            started.append(listener)
        return listener

    yield begin
    for listener in started:
        listener.close()


def get(
    listener: MetricsListener | None, path: str = "/metrics", token: str = ""
) -> httpx.Response:
    assert listener is not None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"http://127.0.0.1:{listener.port}{path}", headers=headers, timeout=5)


def targets(folder: Path) -> dict[str, str]:
    """Service by address, as Prometheus reads the folder."""
    entries = [entry for path in folder.glob("*.json") for entry in json.loads(path.read_text())]
    return {entry["targets"][0]: entry["labels"]["service"] for entry in entries}


def test_there_is_no_listener_unless_asked(start: Start) -> None:
    assert start() is None


def test_a_port_is_listened_on_and_nothing_but_metrics_is_there(start: Start) -> None:
    listener = start(metrics_port=free_port())
    answer = get(listener)
    assert "rapidflow_build_info{" in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert get(listener, "/").status_code == 404
    assert start(metrics_port=listener.port) is None  # type: ignore[union-attr]  # taken: sending goes on


def test_a_token_is_asked_for_where_there_is_one(start: Start) -> None:
    listener = start(metrics_port=free_port(), metrics_token="m" * 20)
    assert get(listener).status_code == 404
    assert get(listener, token="wrong").status_code == 404
    assert get(listener, token="m" * 20).status_code == 200


def test_processes_of_one_machine_find_ports_of_their_own_and_tell_them(
    start: Start, tmp_path: Path
) -> None:
    first = start("worker", metrics_targets=tmp_path)
    second = start("control", metrics_targets=tmp_path, metrics_port=first.port)  # type: ignore[union-attr]
    assert first is not None
    assert second is not None
    assert second.port != first.port
    assert targets(tmp_path)[f"127.0.0.1:{second.port}"] == "control"


DEAD = """
import os, sys
from pathlib import Path
from shared.observability.targets import announce
announce(Path(sys.argv[1]), "worker", "0.0.0.0", 1234)
if sys.argv[2] == "killed":
    os._exit(9)
"""


@pytest.mark.parametrize(("end", "left"), [("killed", 1), ("ends", 0)])
def test_a_dead_process_is_no_target_once_another_has_started(
    tmp_path: Path, end: str, left: int
) -> None:
    subprocess.run([sys.executable, "-c", DEAD, str(tmp_path), end], check=False, timeout=20)
    assert list(targets(tmp_path).values()) == ["worker"] * left
    announce(tmp_path, "control", "::", 4321)
    assert targets(tmp_path) == {"[::1]:4321": "control"}
    announce(tmp_path, "beat", "127.0.0.1", 5678)  # the living keep theirs
    assert sorted(targets(tmp_path).values()) == ["beat", "control"]


def test_a_folder_that_takes_no_file_does_not_keep_a_process_from_starting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    announce(tmp_path / "file" / "folder", "worker", "127.0.0.1", 1)


WORKER = """
import sys
from prometheus_client import REGISTRY
from shared.observability import metrics
metrics.record_request("/x", "GET", 200, 0.01)
metrics.record_socket_opened()
"""


def test_workers_of_one_gunicorn_are_added_up_and_a_dead_one_leaves_no_socket_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    pids = []
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", WORKER], env=environment) as process:
            assert process.wait(20) == 0
            pids.append(process.pid)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    counted = 'requests_total{method="GET",route="/x",status="200"} 2.0'
    text = exposition.render_metrics()[0].decode()
    assert counted in text
    assert "rapidflow_sockets_open 2.0" in text
    mark_process_dead(pids[0])  # type: ignore[no-untyped-call]
    text = exposition.render_metrics()[0].decode()
    assert counted in text
    assert "rapidflow_sockets_open 1.0" in text
