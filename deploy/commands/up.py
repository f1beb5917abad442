"""`rapidflow up`: everything on this machine, one command, one Ctrl-C."""

import importlib.util
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click
from rich.console import Console

from deploy.local.errors import LocalError
from shared.settings import unknown_variables

if TYPE_CHECKING:
    from deploy.local.stack import Owner


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many worker processes send.")  # fmt: skip
@click.option("--sample", is_flag=True, help="Send a sample campaign and show its report.")
@click.option("--once", is_flag=True, help="Stop everything after the report.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: PORT, else 5000.")
@click.option("--host", help="Default: HOST, else 127.0.0.1.")
@click.pass_context
def up(
    context: click.Context,
    workers: int,
    sample: bool,
    once: bool,
    port: int | None,
    host: str | None,
) -> None:
    """Run everything here: servers, API, workers, sandbox.

    PostgreSQL, Valkey and the Evolution sandbox are started only where DATABASE_URL, REDIS_URL
    and EVOLUTION_API_URL are not given.
    """
    require_supervisor()
    # Behind the check: these need the extra `embedded`, which the other commands do without.
    from deploy.local.plan import Commands, Options
    from deploy.local.stack import run_up
    from deploy.local.surroundings import Surroundings

    console = Console()
    for sentence in unknown_variables():
        console.print(f"[yellow]{sentence}.[/]")
    surroundings = Surroundings.here()
    code = run_up(
        surroundings,
        Options(host or surroundings.host, port or surroundings.port, workers),
        bootstrap=_bootstrap,
        console=console,
        commands=Commands(),
        sample=_sample_on(console) if sample else None,
        once=once,
    )
    context.exit(code)


def require_supervisor() -> None:
    if os.name != "posix":
        raise LocalError("`rapidflow up` needs Linux or macOS; on Windows use WSL or Docker.")
    for module in ("supervisor", "psutil"):
        if importlib.util.find_spec(module) is None:
            raise LocalError(
                "`rapidflow up` needs the extra `embedded` (pip install 'rapidflow[embedded]'). On "
                "servers of your own run migrate, then api, gateway, worker, control and beat."
            )


def _bootstrap(environment: Mapping[str, str]) -> "Owner":
    from deploy.bootstrap import bootstrap

    return bootstrap(environment)


def _sample_on(console: Console) -> Callable[[Mapping[str, str]], int]:
    from deploy.sample import send_sample

    return lambda environment: send_sample(environment, console=console)
