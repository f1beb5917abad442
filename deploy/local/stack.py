"""The whole of RapidFlow on one machine: brought up in order, watched, taken down in order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import httpx
from rich.console import Console
from rich.markup import escape

from deploy.local.banner import show_banner
from deploy.local.bound import bound_command
from deploy.local.environment import remembered
from deploy.local.errors import LocalError
from deploy.local.folder import check_space, exclusive, open_data_dir
from deploy.local.given import check_database, check_redis
from deploy.local.narrator import Narrator
from deploy.local.plan import Commands, Options, Plan, make_plan
from deploy.local.ports import answers, check_port, reachable, retry_on_taken_port
from deploy.local.secrets import save_ports
from deploy.local.supervision import Supervisor
from deploy.local.surroundings import Surroundings
from deploy.local.waiting import Log, wait_ready

HEALTH_SECONDS = 90.0
HOPELESS_DEATHS = 2  # dying this often before the first answer is not bad luck
INTERRUPTED = 130


class Owner(Protocol):
    """What `deploy.bootstrap.bootstrap` answers."""

    @property
    def owner_email(self) -> str: ...
    @property
    def owner_password(self) -> str | None: ...


Bootstrap = Callable[[Mapping[str, str]], Owner]
Sample = Callable[[Mapping[str, str]], int]


@dataclass(slots=True)
class Stack:
    """One running installation; `bring_up` made it, `stop` ends it."""

    folder: Path
    plan: Plan
    supervisor: Supervisor
    options: Options
    console: Console
    commands: Commands

    @property
    def address(self) -> str:
        host = reachable(self.options.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.options.port}"

    def start_servers(self) -> None:
        """PostgreSQL, Valkey and the sandbox: those that are embedded, until they answer."""
        if self.plan.postgres:
            with self.console.status("Starting PostgreSQL …"):
                self._start_server("PostgreSQL", "postgres", self.plan.postgres.is_ready)
                self.plan.postgres.ensure_database()
        if self.plan.valkey:
            with self.console.status("Starting Valkey …"):
                self._start_server("Valkey", "valkey", self.plan.valkey.is_ready)
        if port := self.plan.sandbox_port:
            with self.console.status("Starting the Evolution sandbox …"):
                self._start_server("The sandbox", "sandbox", lambda _pid: answers(port))

    def migrate(self) -> None:
        with self.console.status("Bringing the database up to date …"):
            done = subprocess.run(
                bound_command(
                    self.commands.cli("migrate"), when_orphaned=signal.SIGKILL, parent=os.getpid()
                ),
                env=dict(self.plan.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
        if done.returncode != 0:
            lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            reason = lines[-1].strip().removeprefix("Error: ") if lines else "no reason given"
            raise LocalError(f"The database could not be brought up to date: {reason}")

    def start_application(self) -> None:
        """All our processes at once; the server's health answers for the rest."""
        log = Log.from_now(self.log_of("server"))
        for name in self.plan.application:
            self.supervisor.start_program(name)
        with self.console.status(f"Waiting for {self.address}/health …"):
            end = time.monotonic() + HEALTH_SECONDS
            while not self._is_healthy():
                hopeless = self.supervisor.narrator.deaths["server"] >= HOPELESS_DEATHS
                if hopeless or time.monotonic() > end:
                    self._give_up_on_server(log, "keeps dying" if hopeless else "did not answer")
                time.sleep(0.1)

    def log_of(self, program: str) -> Path:
        return self.folder / f"log/{program}.log"

    def stop(self) -> None:
        """Everything, in order; whoever asks twice gets it at once."""
        try:
            with self.console.status("Stopping …"):
                self.supervisor.shut_down(self.plan.stages)
        except KeyboardInterrupt:
            self.supervisor.kill()

    def _start_server(self, title: str, program: str, is_ready: Callable[[int], bool]) -> None:
        log = Log.from_now(self.log_of(program))
        self.supervisor.start_program(program)
        wait_ready(title, lambda: self.supervisor.pid(program), is_ready, log)

    def _is_healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.address}/health", timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def _give_up_on_server(self, log: Log, what: str) -> NoReturn:
        self.console.print(f"[dim]{escape(log.last_lines())}[/dim]", highlight=False)
        raise LocalError(f"The server {what}; its last lines are above, its whole log: {log.path}")


@contextmanager
def bring_up(
    surroundings: Surroundings,
    options: Options,
    *,
    bootstrap: Bootstrap,
    console: Console,
    commands: Commands,
) -> Iterator[Stack]:
    """Everything up and the banner shown; taken down when the block is left."""
    folder = open_data_dir(surroundings.data_dir)
    with exclusive(folder), termination_as_interrupt():
        check_before_start(surroundings, options, folder)
        stack = retry_on_taken_port(
            lambda: _with_servers(folder, surroundings, options, console, commands)
        )
        try:
            save_ports(folder, stack.plan.ports)
            stack.migrate()
            owner = bootstrap(stack.plan.environment)
            stack.start_application()
            with remembered(folder, stack.plan.environment):
                show_banner(
                    console,
                    address=stack.address,
                    email=owner.owner_email,
                    password=owner.owner_password,
                    sandbox=stack.plan.sandbox_port and stack.plan.environment["EVOLUTION_API_URL"],
                    logs=folder / "log",
                )
                yield stack
        finally:
            stack.stop()


def check_before_start(surroundings: Surroundings, options: Options, folder: Path) -> None:
    """What can be known to fail, said before anything is started."""
    check_port(options.host, options.port)
    check_space(folder)
    if url := surroundings.get("DATABASE_URL"):
        check_database(url)
    if url := surroundings.get("REDIS_URL"):
        check_redis(url)


def run_up(
    surroundings: Surroundings,
    options: Options,
    *,
    bootstrap: Bootstrap,
    console: Console,
    commands: Commands,
    sample: Sample | None = None,
    once: bool = False,
) -> int:
    """All of `rapidflow up`; the exit code."""
    code = INTERRUPTED
    try:
        with bring_up(
            surroundings, options, bootstrap=bootstrap, console=console, commands=commands
        ) as stack:
            code = 0
            code = stay(stack, once=once, sample=sample)
    except KeyboardInterrupt:
        console.print("Everything is stopped. The data is kept.", highlight=False)
    return code


def stay(stack: Stack, *, once: bool, sample: Sample | None) -> int:
    """The sample if asked for, then stay until somebody says stop."""
    code = sample(stack.plan.environment) if sample else 0
    if once:
        return code
    stack.supervisor.wait()
    raise LocalError(
        "The supervisor ended unexpectedly and everything with it: start again "
        f"(its log: {stack.log_of('supervisord')})."
    )


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal mean what Ctrl-C means."""

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _with_servers(
    folder: Path,
    surroundings: Surroundings,
    options: Options,
    console: Console,
    commands: Commands,
) -> Stack:
    """A stack whose servers answer; nothing of it is left if they do not."""
    with console.status("Preparing …"):
        plan = make_plan(folder, surroundings, options, commands)
        for server in (plan.postgres, plan.valkey):
            if server:
                server.prepare()

    def say(sentence: str) -> None:
        console.print(f"[yellow]●[/yellow] {escape(sentence)}", highlight=False)

    narrator = Narrator(say, folder / "log")
    supervisor = Supervisor(folder, plan.programs, plan.environment, narrator)
    stack = Stack(folder, plan, supervisor, options, console, commands)
    try:
        supervisor.start()
        stack.start_servers()
    except BaseException:
        stack.stop()
        raise
    return stack
