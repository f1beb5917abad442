"""Failpoints kill in test environments and are refused everywhere else."""

import signal
import subprocess
import sys

import pytest

from shared.errors import SettingsError
from shared.settings import load_settings

_PASS_TWICE = """
from shared.failpoints import arm, failpoint
arm({spec!r})
failpoint("other")
failpoint("here")
print("once", flush=True)
failpoint("here")
print("twice", flush=True)
"""


def _pass_by(spec: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-c", _PASS_TWICE.format(spec=spec)], capture_output=True, text=True
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("spec", "outcome"),
    [
        ("", (0, "once\ntwice\n")),
        ("elsewhere", (0, "once\ntwice\n")),
        ("here", (-signal.SIGKILL, "")),
        ("here:2", (-signal.SIGKILL, "once\n")),
    ],
)
def test_a_process_dies_at_its_failpoint(spec: str, outcome: tuple[int, str]) -> None:
    assert _pass_by(spec) == outcome


def _settings(environment: str) -> str:
    return load_settings(
        database_url="postgresql://x",
        redis_url="redis://x",
        evolution_api_url="http://x",
        evolution_api_key="x",
        jwt_secret="j" * 40,
        encryption_key="a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        environment=environment,
        failpoint="worker_after_begin:3",
        _env_file=None,
    ).failpoint


def test_a_failpoint_stops_the_start_of_anything_but_a_test() -> None:
    assert _settings("test-1") == "worker_after_begin:3"
    with pytest.raises(SettingsError, match="RAPIDFLOW_FAILPOINT is for the fault suite"):
        _settings("production")
