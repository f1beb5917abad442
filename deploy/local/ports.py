"""Ports on loopback: choose one that is free, remember it, notice one that is taken."""

import errno
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from deploy.local.errors import LocalError, PortTakenError

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
FIRST, COUNT = 15_000, 15_000  # below every system's range for outgoing connections
ATTEMPTS = 5


def refusal(port: int, host: str = LOOPBACK) -> str | None:
    """Why a server could not listen here; None if it could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            return "is already in use" if in_use else f"cannot be used ({error.strerror})"
    if answers(port, host):  # macOS lets two servers bind one port
        return "is already in use"
    return None


def answers(port: int, host: str = LOOPBACK) -> bool:
    with suppress(OSError), socket.create_connection((reachable(host), port), timeout=0.5):
        return True
    return False


def is_free(port: int) -> bool:
    return refusal(port) is None


def check_port(host: str, port: int) -> None:
    """Before anything is started: may our server listen there?"""
    if reason := refusal(port, host):
        raise LocalError(
            f"Port {port} on {host} {reason}: stop what listens there, "
            f"or choose another one: PORT={port + 1} rapidflow up"
        )


def free_port(preferred: int | None = None) -> int:
    """The preferred port if it is free, else another one."""
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(100):
        port = FIRST + secrets.randbelow(COUNT)
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def reachable(host: str) -> str:
    """An address that reaches a server listening on `host` (which may mean "everywhere")."""
    return {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}.get(host, host)  # noqa: S104


def retry_on_taken_port(start: Callable[[], T]) -> T:
    """Start again, on another port: somebody took ours between our look and the server's."""
    for _ in range(ATTEMPTS - 1):
        try:
            return start()
        except PortTakenError:
            continue
    return start()
