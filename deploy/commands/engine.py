"""`rapidflow worker`, `control` and `beat`: Celery processes of the engine."""

import os
import sys
from typing import NoReturn

import click

from deploy.commands.checked import checked_settings


def _become(name: str) -> NoReturn:
    """Become the engine's process, so signals and exit codes are its own."""
    checked_settings()
    os.environ["RAPIDFLOW_SERVICE"] = name  # is in its logs
    os.execv(sys.executable, [sys.executable, "-m", "worker", name])  # noqa: S606  no shell is wanted


@click.command()
def worker() -> None:
    """Send messages: start as many as you like, on any machine.

    A worker takes batches of leased messages and sends them through Evolution. It may be killed at
    any instant. SIGTERM lets it finish what is in flight and hand back the rest.
    """
    _become("worker")


@click.command()
def control() -> None:
    """Do the engine's short jobs: dispatch, sweep, receipts, evidence.

    At least one must run; any number is safe.
    """
    _become("control")


@click.command()
def beat() -> None:
    """Tick once a second. One is enough; two at once are harmless."""
    _become("beat")
