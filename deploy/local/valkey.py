"""The embedded Valkey: append-only file, password, loopback."""

import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.binaries import valkey_server
from deploy.local.bound import bound_command
from deploy.local.errors import LocalError
from deploy.local.leftover import end_leftover_valkey
from deploy.local.ports import LOOPBACK
from deploy.local.secrets import write_private


@dataclass(frozen=True, slots=True)
class Valkey:
    home: Path
    port: int
    password: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def configuration(self) -> Path:
        return self.home / "valkey.conf"

    def command(self, parent: int | None = None) -> list[str]:
        """Runs in the foreground; orphaned, it writes its file out and ends."""
        return bound_command(
            [valkey_server(), self.configuration],
            when_orphaned=signal.SIGTERM,
            parent=parent,
            folder=self.home,
            bare=True,
        )

    def prepare(self) -> None:
        """Write its settings, and make sure no other server writes the same file."""
        try:
            self.home.mkdir(mode=0o700, exist_ok=True)
            end_leftover_valkey(self.home)
            write_private(self.configuration, self._text())
        except OSError as error:
            raise LocalError(f"Cannot prepare Valkey in {self.home} ({error.strerror}).") from error

    def _text(self) -> str:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "requirepass": self.password,
            "protected-mode": "yes",
            "daemonize": "no",
            "dir": _quoted(str(self.home)),
            "pidfile": _quoted(str(self.home / "valkey.pid")),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",  # a broker never forgets silently
            "save": '""',
            **self.settings,
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def is_ready(self, _pid: int) -> bool:
        """A password of our own is accepted, so it is ours; replies may share a packet."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
