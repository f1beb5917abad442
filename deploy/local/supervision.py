"""supervisord under our front process: its configuration, its remote control, its end.

Programs are started and stopped by us, in our order; supervisord restarts what dies in between.
Its configuration holds names and relative paths only: secrets travel in the environment, and a
path with a space, `%`, `;` or `#` cannot break the file.
"""

import http.client
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from deploy.local.bound import bound_command
from deploy.local.errors import LocalError
from deploy.local.narrator import Narrator
from deploy.local.secrets import write_private

LONGEST_SOCKET_PATH = 85  # 104 on macOS, and supervisord appends its pid while it binds
ALIVE = ("STARTING", "RUNNING")
ENDED = ("STOPPED", "EXITED", "FATAL", "BACKOFF", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process; `command` is already bound to its parent."""

    name: str
    command: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 15


@dataclass(slots=True)
class Supervisor:
    """One supervisord, the child of this process; call it from the main thread."""

    data_dir: Path
    programs: Sequence[Program]
    environment: Mapping[str, str] = field(repr=False)
    narrator: Narrator
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None
    _socket: Path | None = None
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _transport: SupervisorTransport | None = None
    _proxy: Any = None

    def start(self) -> None:
        for name in ("run", "log"):
            (self.data_dir / name).mkdir(mode=0o700, exist_ok=True)
        self._socket = self._control_socket()
        configuration = self.data_dir / "run/supervisord.conf"
        write_private(configuration, self._configuration(self._socket))
        command = [sys.executable, "-W", "ignore", "-P", "-m", "supervisor.supervisord"]
        self._process = subprocess.Popen(
            bound_command(
                [*command, "-n", "-c", "run/supervisord.conf"],
                when_orphaned=signal.SIGKILL,  # and its children with it: they are bound to it
                parent=os.getpid(),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self.data_dir,
            env=dict(self.environment),
            start_new_session=True,  # Ctrl-C is for us; we stop everything in order
        )
        self._reader = threading.Thread(
            target=self.narrator.read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        self._connect()

    def start_program(self, name: str) -> None:
        self._proxy.supervisor.startProcess(name, False)

    def pid(self, name: str) -> int | None:
        """The pid, None if it is not running at this moment."""
        state = self._proxy.supervisor.getProcessInfo(name)
        return int(state["pid"]) or None if state["statename"] in ALIVE else None

    def stop_programs(self, names: Iterable[str]) -> None:
        """Ask all of them, then wait for all: their own stop time ends with SIGKILL."""
        states = self._states()
        asked = [name for name in names if states.get(name) in (*ALIVE, "BACKOFF")]
        for name in asked:
            try:
                self._proxy.supervisor.stopProcess(name, False)
            except xmlrpc.client.Fault:
                continue  # it ended by itself between the two calls
        while any(self._states()[name] not in ENDED for name in asked):
            time.sleep(0.05)

    def wait(self) -> None:
        """Until supervisord ends, which it should not."""
        if self._process is not None:
            self._process.wait()

    def shut_down(self, stages: Iterable[Sequence[str]]) -> None:
        """Stop the programs stage by stage, then supervisord. A second Ctrl-C ends all at once."""
        if self._process is None:
            return
        self.narrator.stopping = True
        try:
            if self._process.poll() is None:
                self._reconnect()
                for stage in stages:
                    self.stop_programs(stage)
                self._proxy.supervisor.shutdown()
                self._process.wait(20)
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, subprocess.TimeoutExpired):
            pass  # it died, or hangs: what remains is the next line
        finally:
            self.kill()

    def kill(self) -> None:
        """End supervisord at once; its children are bound to it and follow."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._reader is not None:
            self._reader.join(5)  # it ends with the pipe
        self._hang_up()
        self._forget_socket()

    def _states(self) -> dict[str, str]:
        processes = self._proxy.supervisor.getAllProcessInfo()
        return {process["name"]: process["statename"] for process in processes}

    def _control_socket(self) -> Path:
        short = self.data_dir / "run/control"
        if len(os.fsencode(short)) <= LONGEST_SOCKET_PATH:
            return short
        return Path(tempfile.mkdtemp(prefix="rapidflow-")) / "control"  # 0700

    def _forget_socket(self) -> None:
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)
            if self._socket.parent != self.data_dir / "run":
                shutil.rmtree(self._socket.parent, ignore_errors=True)

    def _connect(self) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and self._process is not None:
            if self._process.poll() is not None:
                break
            try:
                self._reconnect()
                self._proxy.supervisor.getState()
            except (OSError, xmlrpc.client.Error):
                time.sleep(0.03)
            else:
                return
        raise LocalError(
            f"The supervisor did not start: {self.narrator.last_line or 'no output'}. "
            f"Its log: {self.data_dir / 'log/supervisord.log'}"
        )

    def _reconnect(self) -> None:
        """A new connection: an interrupted call leaves the old one in the middle of an answer."""
        self._hang_up()
        self._transport = SupervisorTransport("rapidflow", self._password, f"unix://{self._socket}")
        self._proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self._transport)

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _configuration(self, socket: Path) -> str:
        inside = socket.parent == self.data_dir / "run"
        sections = [
            "[supervisord]\nnodaemon=true\nnocleanup=true\nidentifier=rapidflow\n"
            "logfile=log/supervisord.log\nlogfile_maxbytes=1MB\nlogfile_backups=1\n"
            "pidfile=run/supervisord.pid\nchildlogdir=log\n"
            + ("user=root\n" if os.geteuid() == 0 else ""),  # said, so it does not warn
            f"[unix_http_server]\nfile={'run/control' if inside else socket}\nchmod=0600\n"
            f"username=rapidflow\npassword={self._password}\n",
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory="
            "supervisor.rpcinterface:make_main_rpcinterface\n",
            *(_section(program) for program in self.programs),
        ]
        return "\n".join(sections)


def _section(program: Program) -> str:
    return (
        f"[program:{program.name}]\n"
        f"command={quote_command(program.command)}\n"
        "autostart=false\nautorestart=true\nstartsecs=1\nstartretries=30\n"
        f"stopsignal={program.stop_signal.name.removeprefix('SIG')}\n"
        f"stopwaitsecs={program.stop_seconds}\nkillasgroup=true\nredirect_stderr=true\n"
        f"stdout_logfile=log/{program.name}.log\n"
        "stdout_logfile_maxbytes=10MB\nstdout_logfile_backups=3\n"
    )


def quote_command(command: Sequence[str]) -> str:
    """For supervisord: shell quoting, `%` doubled, no `;` or `#` right behind white space."""
    line = shlex.join(command).replace("%", "%%")
    return line.replace(" ;", " '';").replace(" #", " ''#")
