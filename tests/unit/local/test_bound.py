"""The exec wrapper: what a bound process knows, who it is, and when it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.bound import bound_command

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

PARENT = """
import os, subprocess, sys, time
from signal import SIGTERM
from deploy.local.bound import bound_command
command = bound_command(["sleep", "60"], when_orphaned=SIGTERM, parent=os.getpid())
print(subprocess.Popen(command).pid, flush=True)
time.sleep(60)
"""


WATCHED = """
import os, sys
from signal import SIGTERM
from deploy.local.bound import watch_parent
watch_parent(SIGTERM, os.getppid())
print(os.getpid(), flush=True)
os.execvp("sleep", ["sleep", "60"])
"""


def output_of(command: list[str], **environment: str) -> str:
    answer = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return answer.stdout


@LINUX
def test_a_bound_process_ends_with_its_killed_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 5
        while child.name() != "sleep" and time.monotonic() < deadline:
            time.sleep(0.02)
        parent.kill()
        child.wait(5)


def test_where_the_kernel_does_not_help_a_watcher_ends_it() -> None:
    starter = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen(
        [sys.executable, "-c", starter, WATCHED], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        (watcher,) = child.children()
        time.sleep(0.7)
        assert child.is_running()
        parent.kill()
        parent.wait()  # a zombie still counts as there
        _gone, alive = psutil.wait_procs([child, watcher], timeout=5)
        assert alive == []


def test_a_process_whose_parent_is_already_gone_does_not_start() -> None:
    command = bound_command(["echo", "ran"], when_orphaned=signal.SIGKILL, parent=1)
    answer = subprocess.run(command, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "parent process is already gone" in answer.stderr


def test_a_bare_process_sees_none_of_our_secrets() -> None:
    env = ["/usr/bin/env"]
    bare = bound_command(env, when_orphaned=signal.SIGKILL, parent=os.getpid(), bare=True)
    full = bound_command(env, when_orphaned=signal.SIGKILL, parent=os.getpid())
    assert "JWT_SECRET" not in output_of(bare, JWT_SECRET="hidden")
    assert "JWT_SECRET=hidden" in output_of(full, JWT_SECRET="hidden")


def test_it_starts_in_the_folder_it_is_told(tmp_path: Path) -> None:
    command = bound_command(
        ["pwd"], when_orphaned=signal.SIGKILL, parent=os.getpid(), folder=tmp_path
    )
    assert output_of(command).strip() == str(tmp_path)


def test_a_missing_program_is_one_line() -> None:
    command = bound_command(["/no/such"], when_orphaned=signal.SIGKILL, parent=os.getpid())
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.stderr == "cannot start /no/such: No such file or directory\n"


@ROOT
def test_root_is_dropped_with_every_group() -> None:
    command = bound_command(
        ["id"], when_orphaned=signal.SIGKILL, parent=os.getpid(), user=(65534, 65534)
    )
    answer = output_of(command)
    assert "uid=65534" in answer
    assert "(root)" not in answer
