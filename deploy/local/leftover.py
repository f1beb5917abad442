"""A server that outlived its starter: recognised by its folder, ended in order, never guessed."""

import signal
import time
from pathlib import Path

import psutil

from deploy.local.errors import LocalError

PATIENCE_SECONDS = 20.0


def end_leftover_postgres(cluster: Path) -> None:
    end_leftover(cluster / "postmaster.pid", cluster, "postgres", signal.SIGINT)


def end_leftover_valkey(home: Path) -> None:
    end_leftover(home / "valkey.pid", home, "valkey", signal.SIGTERM)


def end_leftover(pid_file: Path, folder: Path, program: str, ask: signal.Signals) -> None:
    """End the server whose pid is in `pid_file`, if it really is `program` working in `folder`.

    A pid file that names nobody, or somebody else (numbers are used again), is removed: the server
    would refuse to start because of it.
    """
    pid = _pid_in(pid_file)
    if pid is None:
        return
    process = find_server(pid, folder, program)
    if process is None:
        wait_until_empty(folder, program)
        pid_file.unlink(missing_ok=True)
        return
    try:
        process.send_signal(ask)
        process.wait(PATIENCE_SECONDS)
    except psutil.NoSuchProcess:
        return
    except (psutil.TimeoutExpired, psutil.AccessDenied) as error:
        raise LocalError(
            f"{program} (pid {pid}) of an earlier start still uses {folder} and does not end: "
            f"end it (kill {pid}) and start again."
        ) from error


def find_server(pid: int, folder: Path, program: str) -> psutil.Process | None:
    """The process, if it is `program` at work in `folder` (both servers change into theirs)."""
    try:
        process = psutil.Process(pid)
        if program in process.name() and Path(process.cwd()) == folder.resolve():
            return process
    except (psutil.Error, OSError):
        pass
    return None


def wait_until_empty(folder: Path, program: str) -> None:
    """Children of a killed server notice it and go; until then the data is theirs."""
    end = time.monotonic() + PATIENCE_SECONDS
    while left := [pid for pid in psutil.pids() if find_server(pid, folder, program)]:
        if time.monotonic() > end:
            raise LocalError(
                f"{program} processes of an earlier start still use {folder}: "
                f"end them (kill {' '.join(map(str, left))}) and start again."
            )
        time.sleep(0.1)


def _pid_in(pid_file: Path) -> int | None:
    try:
        return abs(int(pid_file.read_text().split(maxsplit=1)[0]))
    except (FileNotFoundError, ValueError, IndexError):
        return None
