"""Waiting for a server, and what its log says when the wait was in vain."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError, explain

START_SECONDS = 60.0  # recovery after a hard stop, on a slow disk


@dataclass(frozen=True, slots=True)
class Log:
    """A log file from a moment on: an earlier start's errors explain nothing."""

    path: Path
    begin: int = 0

    @classmethod
    def from_now(cls, path: Path) -> "Log":
        return cls(path, path.stat().st_size if path.exists() else 0)

    def tail(self, size: int = 4000) -> str:
        try:
            end = self.path.stat().st_size
            begin = self.begin if end >= self.begin else 0  # rotated meanwhile
            with self.path.open("rb") as file:
                file.seek(max(begin, end - size))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def last_lines(self, count: int = 8) -> str:
        return "\n".join(self.tail().splitlines()[-count:])


def wait_ready(
    name: str, pid_if_alive: Callable[[], int | None], is_ready: Callable[[int], bool], log: Log
) -> int:
    """Wait until a server answers; its pid, or the sentence that explains why it does not."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        pid = pid_if_alive()
        if pid is None:
            raise explain(name, log.tail(), log.path)
        if is_ready(pid):
            return pid
        time.sleep(0.02)
    raise LocalError(
        f"{name} did not answer within {START_SECONDS:.0f} seconds. Its log: {log.path}"
    )
