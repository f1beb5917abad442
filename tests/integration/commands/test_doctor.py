"""`rapidflow doctor` names what is wrong, and what to do about it."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from deploy.commands.doctor import doctor
from shared.db import restores
from shared.db.migrate import known_migrations
from shared.settings import Settings
from tests.collector import collecting
from tests.factories import Factory
from tests.sandbox_process import Sandbox
from tests.variables import environment_of

Findings = dict[str, dict[str, object]]


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for()


@pytest.fixture
def factory(settings: Settings) -> Factory:
    return Factory(settings)


@pytest.fixture
def examine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Findings]:
    """All findings by check, under these variables besides."""

    def examine(**more: str) -> Findings:
        for name, value in {**environment_of(settings), **more}.items():
            monkeypatch.setenv(name, value)
        answer = CliRunner().invoke(doctor, ["--json"])
        found = {finding["check"]: finding for finding in json.loads(answer.stdout)}
        everything_fine = all(finding["ok"] for finding in found.values())
        assert answer.exit_code == (0 if everything_fine else 1)
        assert all(finding["fix"] for finding in found.values() if not finding["ok"])
        return found

    return examine


def wrong(found: Findings) -> set[str]:
    return {check for check, finding in found.items() if not finding["ok"]}


def test_processes_that_do_not_run_and_numbers_that_do_not_report(
    examine: Callable[..., Findings], factory: Factory, sandbox: Sandbox
) -> None:
    """Nobody serves the queues; one number reports to somebody else, one is not in Evolution."""
    tenant = factory.tenant()
    elsewhere = factory.instance(tenant)
    sandbox.create_instance(elsewhere.name, webhook_url="http://127.0.0.1:9/x", secret="s" * 40)
    gone = factory.instance(tenant)
    found = examine(RAPIDFLOW_PACING__DELAY_MIN="1")
    assert wrong(found) >= {
        "variables",
        "worker",
        "control",
        f"number {elsewhere.name}: webhook",
        f"number {gone.name}",
    }
    assert "somewhere else" in str(found[f"number {elsewhere.name}: webhook"]["found"])
    assert "missing" in str(found[f"number {gone.name}"]["found"])
    assert found["Evolution version"]["ok"]


def test_settings_that_cannot_work_and_a_key_that_opens_nothing(
    examine: Callable[..., Findings], factory: Factory, sandbox: Sandbox
) -> None:
    """Slots beyond the lease; another ENCRYPTION_KEY."""
    number = factory.instance(factory.tenant())
    found = examine(
        RAPIDFLOW_DISPATCH__LOOKAHEAD_SECONDS="90",
        ENCRYPTION_KEY=base64.b64encode(b"x" * 32).decode(),
    )
    assert wrong(found) >= {"lookahead", f"number {number.name}"}


def test_a_restored_database_is_told(examine: Callable[..., Findings], factory: Factory) -> None:
    """Until its campaigns are released."""
    tenant = factory.tenant()
    factory.campaign(tenant, [factory.instance(tenant)])
    assert examine()["restore"]["ok"]
    with factory.connect("none") as conn, conn.transaction():
        restores.mark(conn, datetime.now(UTC))  # type: ignore[arg-type]
    assert "1 campaigns held" in str(examine()["restore"]["found"])


def test_a_worker_that_hangs_is_named_and_the_one_beside_it_answers(
    examine: Callable[..., Findings], settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Stopped, it keeps its connections and takes nothing; going on, it is as before."""
    environment = environment_of(settings)
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(_running("worker", environment, tmp_path / f"{at}.log"))
            for at in range(2)
        ]
        _until(lambda: "2 `rapidflow worker` answer" in str(examine()["worker"]["found"]))
        assert examine()["worker"]["ok"]
        workers[0].send_signal(signal.SIGSTOP)
        told = examine()["worker"]
        assert not told["ok"]
        assert "1 `rapidflow worker` answer" in str(told["found"])
        assert f"worker-{workers[0].pid}@" in str(told["found"])
        assert f"worker-{workers[1].pid}@" not in str(told["found"])
        assert "SIGKILL" in str(told["fix"])
        workers[0].send_signal(signal.SIGCONT)
        _until(lambda: bool(examine()["worker"]["ok"]))


@contextlib.contextmanager
def _running(
    command: str, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", command],
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


def _until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 40
    while not met():
        assert time.monotonic() < end


def test_a_beat_that_is_gone_is_missed_though_nothing_is_due(
    examine: Callable[..., Findings], settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    """`control` counts its ticks."""
    environment = environment_of(settings)
    with _running("control", environment, tmp_path / "control.log"):
        with _running("beat", environment, tmp_path / "beat.log"):
            _until(lambda: bool(examine().get("beat", {}).get("ok")))
        _until(lambda: not examine()["beat"]["ok"])


def test_servers_that_are_away_are_told_in_one_line_each(
    examine: Callable[..., Findings], sandbox: Sandbox
) -> None:
    found = examine(DATABASE_URL="postgresql://nobody:secret@127.0.0.1:9/x")
    assert "Connection refused" in str(found["PostgreSQL"]["found"])
    assert "\n" not in str(found["PostgreSQL"]["found"])
    assert "secret" not in str(found)
    found = examine(REDIS_URL="redis://:secret@127.0.0.1:9/0")
    assert "127.0.0.1:9" in str(found["Redis"]["found"])
    assert "secret" not in str(found)


def test_a_database_that_is_behind_is_told_what_it_waits_for(
    examine: Callable[..., Findings], settings: Settings, sandbox: Sandbox
) -> None:
    last = known_migrations()[-1]
    with psycopg.connect(settings.database_url.get_secret_value()) as conn:
        conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = %s", (last,))
    found = examine()["migrations"]
    assert last in str(found["found"])
    assert "rapidflow migrate" in str(found["fix"])


def test_a_collector_is_asked_where_spans_go_to_one(examine: Callable[..., Findings]) -> None:
    assert "tracing" not in examine()
    with collecting() as collector:
        told = {
            "RAPIDFLOW_TRACING__ENDPOINT": collector.url,
            "RAPIDFLOW_TRACING_HEADERS": "Authorization=Bearer segredo",
        }
        assert examine(**told)["tracing"]["ok"]
        assert collector.headers[0]["authorization"] == "Bearer segredo"
        assert collector.spans() == []
        elsewhere = examine(**{**told, "RAPIDFLOW_TRACING__ENDPOINT": f"{collector.url}/nowhere"})
        assert elsewhere["tracing"]["found"] == "the collector answers 404"
    gone = examine(**told)["tracing"]
    assert not gone["ok"]
    assert "segredo" not in str(gone)
