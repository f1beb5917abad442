"""A command that fails unexpectedly."""

import json
import os
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import importlib, types, click, sys
from deploy import cli
@click.command()
def watch():
    raise RuntimeError("for 5511987654321")
sys.modules["deploy.commands.watch"] = types.SimpleNamespace(watch=watch)
cli.main(["watch"])
"""
_SETTINGS = {
    "DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
    "REDIS_URL": "redis://127.0.0.1:1",
    "EVOLUTION_API_URL": "http://127.0.0.1:1",
    "EVOLUTION_API_KEY": "k",
    "JWT_SECRET": "j" * 40,
    "ENCRYPTION_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
}


def run(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **settings}
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=environment, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_it_says_one_sentence_and_logs_the_rest(tmp_path: Path) -> None:
    done = run(tmp_path, LOG_DIR=str(tmp_path / "logs"), **_SETTINGS)
    assert done.returncode == 1
    (path,) = (tmp_path / "logs").glob("*-error.log")
    last = done.stderr.splitlines()[-1]
    assert last == f"Error: rapidflow watch failed: RuntimeError. The details are in {path}."
    (line,) = map(json.loads, path.read_text("utf-8").splitlines())
    assert (line["event"], line["command"], line["process"]) == ("command_failed", "watch", "cli")
    assert "5511987654321" not in str(line)
    assert "Traceback" not in done.stderr


def test_without_settings_the_details_are_on_the_terminal(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 1
    assert "The details are above." in done.stderr
    assert json.loads(done.stderr.splitlines()[0])["event"] == "command_failed"
