"""What will run: the environment of the processes and the programs, in the order they stop."""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

from deploy.local.bound import bound_command
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import Postgres
from deploy.local.secrets import load_ports, load_secrets
from deploy.local.servers import configure_postgres, configure_valkey
from deploy.local.supervision import Program
from deploy.local.surroundings import Surroundings
from deploy.local.valkey import Valkey


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int
    workers: int = 1


def cli_command(subcommand: str) -> list[str]:
    """One of our own commands. `-P`: a folder named `api` where we stand is not ours."""
    return [sys.executable, "-P", "-m", "deploy.cli", subcommand]


def sandbox_command(port: int, folder: Path) -> list[str]:
    module = [sys.executable, "-P", "-m", "deploy.sandbox"]
    return [*module, "--host", LOOPBACK, "--port", str(port), "--data-dir", str(folder)]


@dataclass(frozen=True, slots=True)
class Commands:
    """How our own processes are started; tests bring stand-ins."""

    cli: Callable[[str], Sequence[str]] = cli_command
    sandbox: Callable[[int, Path], Sequence[str]] = sandbox_command


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything chosen for one start. The servers are None where a URL is given."""

    environment: Mapping[str, str] = field(repr=False)
    postgres: Postgres | None
    valkey: Valkey | None
    sandbox_port: int | None
    programs: Sequence[Program]

    @property
    def ports(self) -> dict[str, int]:
        """The chosen ones, to be tried first next time."""
        chosen = {
            "postgres": self.postgres and self.postgres.port,
            "valkey": self.valkey and self.valkey.port,
            "sandbox": self.sandbox_port,
        }
        return {name: port for name, port in chosen.items() if port}

    @property
    def workers(self) -> list[str]:
        return [program.name for program in self.programs if program.name.startswith("worker")]

    @property
    def application(self) -> list[str]:
        return ["server", *self.workers, "control", "beat"]

    @property
    def stages(self) -> list[list[str]]:
        """The order of stopping: who asks first, who answers last."""
        return [
            ["server", *self.workers],
            ["beat", "control"],
            ["sandbox"],
            ["valkey"],
            ["postgres"],
        ]


def make_plan(
    folder: Path, surroundings: Surroundings, options: Options, commands: Commands
) -> Plan:
    postgres = None if surroundings.get("DATABASE_URL") else configure_postgres(folder, {})
    valkey = None if surroundings.get("REDIS_URL") else configure_valkey(folder, {})
    embedded_sandbox = not surroundings.get("EVOLUTION_API_URL")
    sandbox_port = free_port(load_ports(folder).get("sandbox")) if embedded_sandbox else None
    programs = [_program(name, commands.cli(name)) for name in ("server", "control", "beat")]
    programs += [_program(name, commands.cli("worker")) for name in worker_names(options.workers)]
    if postgres:
        programs.append(_server("postgres", postgres.command(), signal.SIGINT))
    if valkey:
        programs.append(_server("valkey", valkey.command(), signal.SIGTERM))
    if sandbox_port:
        programs.append(_program("sandbox", commands.sandbox(sandbox_port, folder / "sandbox")))
    environment = _environment(folder, surroundings, options, postgres, valkey, sandbox_port)
    return Plan(environment, postgres, valkey, sandbox_port, programs)


def worker_names(count: int) -> list[str]:
    return ["worker"] if count == 1 else [f"worker-{number}" for number in range(1, count + 1)]


def _program(name: str, command: Sequence[str]) -> Program:
    """One of ours: safe to kill at any instant, so it does not outlive the supervisor by any."""
    return Program(name, bound_command(command, when_orphaned=signal.SIGKILL, folder=Path.cwd()))


def _server(name: str, command: Sequence[str], stop_signal: Signals) -> Program:
    return Program(name, command, stop_signal=stop_signal, stop_seconds=20)


def _environment(
    folder: Path,
    surroundings: Surroundings,
    options: Options,
    postgres: Postgres | None,
    valkey: Valkey | None,
    sandbox_port: int | None,
) -> dict[str, str]:
    known = load_secrets(folder)
    defaults = {
        "JWT_SECRET": known["jwt"],
        "RAPIDFLOW_ENCRYPTION_KEY": known["encryption_key"],
        "PUBLIC_URL": f"http://localhost:{options.port}",
        "LOG_DIR": str(folder / "log"),
        "RAPIDFLOW_METRICS_TARGETS": str(folder / "run/targets"),
    }
    if postgres:
        defaults["DATABASE_URL"] = postgres.owner_url
    if valkey:
        defaults["REDIS_URL"] = valkey.url
    chosen = {
        "HOST": options.host,
        "PORT": str(options.port),
        "DATA_DIR": str(folder),
        "PYTHONUNBUFFERED": "1",
    }
    if sandbox_port:
        defaults["EVOLUTION_API_URL"] = f"http://{LOOPBACK}:{sandbox_port}"
        defaults["EVOLUTION_API_KEY"] = known["sandbox_api_key"]
        sandbox_key = surroundings.get("EVOLUTION_API_KEY") or known["sandbox_api_key"]
        chosen["SANDBOX_API_KEY"] = sandbox_key
        if not (surroundings.get("OPENAI_API_KEY") or surroundings.get("OPENAI_BASE_URL")):
            defaults["OPENAI_BASE_URL"] = f"http://{LOOPBACK}:{sandbox_port}/v1"
            defaults["OPENAI_API_KEY"] = sandbox_key
    return {**surroundings.with_defaults(defaults), **chosen}
