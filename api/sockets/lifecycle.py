"""Whether this server process is going down; gunicorn tells us through `post_worker_init`."""

from typing import Final, Protocol

#: Sockets of a process that also serves REST on the same threads (`rapidflow server`).
SOCKETS_BESIDE_REST: Final = 96


class Worker(Protocol):
    """A gunicorn worker: `alive` turns False on SIGTERM."""

    alive: bool


_workers: list[Worker] = []


def bind_worker(worker: Worker) -> None:
    """Remember the worker object of this process."""
    _workers[:] = [worker]


def is_alive() -> bool:
    """False once the server was told to stop."""
    return all(worker.alive for worker in _workers)
