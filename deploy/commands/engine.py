"""`rapidflow worker`, `control` and `beat`: Celery processes of the engine."""

import os
import sys
from typing import NoReturn

import click

from deploy.commands.checked import checked_settings
from shared.queue.names import Queue

# What each queue's process runs, and so imports.
_TASKS = {
    Queue.SEND: "worker.tasks.send",
    Queue.CONTROL: "worker.tasks.tick,worker.tasks.dispatch,worker.tasks.receipts",
}
_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def _celery(name: str, app: str, *arguments: str) -> NoReturn:
    """Become the Celery process, so signals and exit codes are its own; `name` is in its logs."""
    checked_settings()
    os.environ["RAPIDFLOW_SERVICE"] = name
    command = [sys.executable, "-m", "celery", "--app", app, "--quiet", *arguments]
    os.execv(sys.executable, command)  # noqa: S606  no shell is wanted


def _become_worker(name: str, queue: Queue, threads: int) -> NoReturn:
    _celery(
        name,
        "worker.app",
        "worker",
        "--include",
        _TASKS[queue],
        "--queues",
        queue.value,
        "--pool",
        "threads",
        "--concurrency",
        str(threads),
        "--hostname",
        f"{name}-{os.getpid()}@%h",
        *_QUIET,
    )


@click.command()
def worker() -> None:
    """Send messages: start as many as you like, on any machine.

    A worker takes batches of leased messages and sends them through Evolution. It may be killed at
    any instant. SIGTERM lets it finish what is in flight and hand back the rest.
    """
    _become_worker("worker", Queue.SEND, 2)


@click.command()
def control() -> None:
    """Do the engine's short jobs: dispatch, sweep, receipts, evidence.

    At least one must run; any number is safe.
    """
    _become_worker("control", Queue.CONTROL, 4)


@click.command()
def beat() -> None:
    """Tick once a second. One is enough; two at once are harmless."""
    _celery("beat", "worker.clock", "beat")
