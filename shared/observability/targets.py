"""Where the processes of this machine are scraped: one small file each, for Prometheus' `file_sd`.

`worker-4711.json` holds `[{"targets": ["127.0.0.1:41235"], "labels": {"service": "worker"}}]`. The
process keeps its file locked for as long as it lives, so whoever starts next can tell a dead one's
from a living one's, whatever has become of their pids, and clears it away.
"""

import atexit
import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Final

from shared.observability.logging import get_logger

log = get_logger(__name__)

_ANYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared only
_held: list[int] = []  # descriptors: open, so locked, until the process ends


def announce(folder: Path, service: str, host: str, port: int) -> None:
    """Say that this process is scraped at `host:port`; a folder that takes no file is logged."""
    host = _ANYWHERE.get(host, host)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    text = json.dumps([{"targets": [address], "labels": {"service": service}}])
    path = folder / f"{service}-{os.getpid()}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        _held.append(_write_locked(path, text))
    except OSError as exc:
        log.warning("metrics_target_not_written", error=str(exc))
        return
    atexit.register(_withdraw, path, os.getpid())


def _write_locked(path: Path, text: str) -> int:
    """The file appears whole and locked; returns what keeps it so."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, text.encode())
    draft.replace(path)
    return descriptor


def _clear(folder: Path) -> None:
    """Remove the files of dead processes."""
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError), path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _withdraw(path: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in a child that inherited this
        path.unlink(missing_ok=True)
