"""`python -m worker worker|control|beat`: become a Celery process of the engine.

Celery's own command line would do the same, with a terminal's line editor loaded: 9 MiB a process.
"""

import os
import sys
from dataclasses import dataclass
from typing import Final

from celery.utils.nodenames import host_format

from shared.queue.names import Queue


@dataclass(frozen=True, slots=True)
class _Role:
    """A consumer: its queue, tasks it runs at once, and the modules of those tasks."""

    queue: Queue
    threads: int
    tasks: tuple[str, ...]


_ROLES: Final = {
    "worker": _Role(Queue.SEND, 2, ("worker.tasks.send",)),
    "control": _Role(
        Queue.CONTROL,
        4,
        ("worker.tasks.tick", "worker.tasks.dispatch", "worker.tasks.receipts"),
    ),
}


def run(name: str) -> int:
    """Work until told to stop; the exit code."""
    if name == "beat":
        from worker.clock import app as clock  # and nothing of the engine

        clock.Beat(quiet=True).run()
        return 0
    from worker.app import app, process

    role = _ROLES[name]
    process.name = host_format(f"{name}-{os.getpid()}@%h")
    consumer = app.Worker(
        hostname=process.name,
        pool="threads",
        concurrency=role.threads,
        queues=[role.queue.value],
        include=list(role.tasks),
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    consumer.start()
    return int(consumer.exitcode or 0)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1]))
