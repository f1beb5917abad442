"""`rapidflow up` for real: supervisord, PostgreSQL and Valkey; our own processes are stand-ins."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from deploy.commands.clean import clean
from deploy.commands.up import up
from deploy.local.ports import free_port, is_free
from deploy.local.servers import remove_data

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux")

UP = """
import sys
from types import SimpleNamespace
from rich.console import Console
from deploy.local.errors import LocalError
from deploy.local.plan import Commands, Options
from deploy.local.stack import run_up
from deploy.local.surroundings import Surroundings

parts, workers, once = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "once"
here = Surroundings.here()
try:
    code = run_up(
        here, Options(here.host, here.port, workers),
        bootstrap=lambda environment: SimpleNamespace(
            owner_email="owner@example.com", owner_password="shown-once"),
        console=Console(width=200),
        commands=Commands(
            cli=lambda name: [sys.executable, parts, name],
            sandbox=lambda port, folder: [sys.executable, parts, "sandbox", str(port)]),
        sample=(lambda environment: 7) if once else None, once=once)
except LocalError as error:
    print("Error:", error.format_message())
    code = error.exit_code
sys.exit(code)
"""

PARTS = """
import http.server, os, sys, time

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

name = sys.argv[1]
if name == "migrate":
    sys.exit(os.environ.get("MIGRATE_SAYS") or 0)
if name == "server" and "SERVER_SAYS" in os.environ:
    sys.exit(os.environ["SERVER_SAYS"])
if name in ("server", "sandbox"):
    port = int(os.environ["PORT"] if name == "server" else sys.argv[2])
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
print("worker sees", os.environ["DATABASE_URL"], os.environ["EVOLUTION_API_URL"], flush=True)
time.sleep(100)
"""

OURS = ("PORT", "HOST", "DATABASE_URL", "REDIS_URL", "EVOLUTION_API_URL", "DATA_DIR", "JWT_SECRET")


class Place:
    """A folder to run `up` in, with a name that breaks careless configuration files."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "it's my #1 clone; 100% deep"
        self.folder.mkdir()
        self.data_dir = self.folder / ".rapidflow"
        self.port = free_port()
        self.said = root / "said.txt"
        for name, text in (("up.py", UP), ("parts.py", PARTS)):
            (root / name).write_text(text)
        self.command = [sys.executable, str(root / "up.py"), str(root / "parts.py")]

    def environment(self, **more: str) -> dict[str, str]:
        clean_environment = {k: v for k, v in os.environ.items() if k not in OURS}
        return {**clean_environment, "PORT": str(self.port), **more}

    def once(self, **environment: str) -> tuple[int, str]:
        """Bring everything up, run the sample, take it down: exit code and what was said."""
        answer = subprocess.run(
            [*self.command, "1", "once"],
            cwd=self.folder, env=self.environment(**environment), timeout=60,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return answer.returncode, answer.stdout

    @contextmanager
    def staying(self, workers: int = 1) -> Iterator[psutil.Popen]:
        """Up until the block ends; never longer."""
        with self.said.open("w") as said:
            process = psutil.Popen(
                [*self.command, str(workers), "stay"],
                cwd=self.folder, env=self.environment(), stdout=said, stderr=said,
            )  # fmt: skip
        try:
            self.wait_for("RapidFlow is running")
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            process.wait(10)

    def wait_for(self, text: str, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        while text not in (said := self.said.read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    root = Path(tempfile.mkdtemp(prefix="rapidflow-test-"))
    root.chmod(0o711)
    place = Place(root)
    yield place
    remove_data(place.data_dir)
    shutil.rmtree(root)


def family_of(process: psutil.Popen) -> list[psutil.Process]:
    return list(process.children(recursive=True))


def named(family: list[psutil.Process], word: str) -> psutil.Process:
    """The one process whose command line ends with, or whose name contains, the word."""
    return next(p for p in family if p.cmdline()[-1:] == [word] or word in p.name())


def assert_all_gone(family: list[psutil.Process], seconds: float) -> None:
    _gone, alive = psutil.wait_procs(family, timeout=seconds)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_once_runs_the_sample_ends_everything_and_keeps_the_secrets(place: Place) -> None:
    code, said = place.once()
    assert code == 7, said
    for expected in (f"http://127.0.0.1:{place.port}", "owner@example.com", "shown-once"):
        assert expected in said
    assert "Traceback" not in said
    assert "supervisor" not in said.lower()  # its own complaints stay in its log
    secrets = (place.data_dir / "secrets.json").read_text()
    begin = time.monotonic()
    code, said = place.once()
    assert (code, time.monotonic() - begin < 15) == (7, True), said
    assert (place.data_dir / "secrets.json").read_text() == secrets
    assert (
        "worker sees postgresql://rapidflow_owner:"
        in (place.data_dir / "log/worker.log").read_text()
    )


def test_the_dead_are_restarted_with_a_clear_line_and_sigterm_ends_all(place: Place) -> None:
    with place.staying(workers=2) as process:
        family = family_of(process)
        code, said = place.once()
        assert code == 1
        assert f"already running here (pid {process.pid})" in said

        time.sleep(1)  # supervisord calls a process that lived a second a started one
        workers = [p for p in family if p.cmdline()[-1:] == ["worker"]]
        assert len(workers) == 2
        workers[0].kill()
        place.wait_for("died (SIGKILL), restarted as pid")
        named(family, "valkey-server").kill()
        place.wait_for("valkey died (SIGKILL), restarted as pid")
        postmaster = next(p for p in family if "-D" in p.cmdline())
        postmaster.kill()
        place.wait_for("postgres died (SIGKILL), restarted as pid")

        family = family_of(process)
        process.terminate()
        assert process.wait(20) == 0
        assert_all_gone(family, 1)
    said = place.said.read_text()
    assert "Everything is stopped" in said
    assert "Traceback" not in said
    assert not (place.data_dir / "run/control").exists()


@LINUX
def test_nothing_is_left_five_seconds_after_sigkill(place: Place) -> None:
    with place.staying() as process:
        family = family_of(process)
        assert len(family) > 8
        process.kill()
        assert_all_gone(family, 5)
    assert is_free(place.port)


@LINUX
def test_a_killed_supervisor_ends_everything_with_one_sentence(place: Place) -> None:
    with place.staying() as process:
        family = family_of(process)
        process.children()[0].kill()
        assert process.wait(10) == 1
        assert_all_gone(family, 5)
    assert "The supervisor ended unexpectedly" in place.said.read_text()


def test_a_taken_port_is_one_sentence_before_anything_starts(place: Place) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        code, said = place.once(PORT=str(taken))
    assert code == 1
    assert said.count("\n") == 1
    assert f"PORT={taken + 1} rapidflow up" in said


def test_wrong_urls_are_one_sentence(place: Place) -> None:
    code, said = place.once(DATABASE_URL="postgresql://a:secret@127.0.0.1:1/x")
    assert (code, said.count("\n")) == (1, 1)
    assert "DATABASE_URL does not work: nothing listens there" in said
    code, said = place.once(REDIS_URL="redis://127.0.0.1:1/0")
    assert (code, said.count("\n")) == (1, 1)
    assert "REDIS_URL does not work: nothing listens there" in said


def test_a_failed_migration_is_told_and_nothing_is_left(place: Place) -> None:
    code, said = place.once(MIGRATE_SAYS="Error: relation moon does not exist")
    assert code == 1
    assert said == (
        "Error: The database could not be brought up to date: relation moon does not exist\n"
    )


def test_a_server_that_keeps_dying_shows_its_last_lines(place: Place) -> None:
    code, said = place.once(SERVER_SAYS="no JWT for you")
    assert code == 1
    assert "no JWT for you" in said
    assert "The server keeps dying" in said
    assert "Traceback" not in said


def test_the_command_offers_its_options_and_refuses_a_wrong_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(up, ["--help"]).output
    assert all(option in shown for option in ("--workers", "--sample", "--once", "--port"))
    refused = CliRunner().invoke(up, [], env={"PORT": "many"})
    assert refused.exit_code == 1
    assert refused.output == "Error: PORT is 'many', it must be a number from 1 to 65535.\n"


def test_clean_removes_the_data_folder_and_refuses_while_running(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    monkeypatch.delenv("DATA_DIR", raising=False)
    with place.staying() as process:
        refused = CliRunner().invoke(clean, ["--yes"])
        assert refused.exit_code == 1
        assert f"already running here (pid {process.pid})" in refused.output
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert CliRunner().invoke(clean, ["--yes"]).exit_code == 0
    assert not place.data_dir.exists()
    assert "Nothing to remove" in CliRunner().invoke(clean, ["--yes"]).output
