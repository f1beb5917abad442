"""The environment of a running `rapidflow up`, for commands typed beside it."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.local.ports import reachable
from deploy.local.secrets import read_json, write_json
from deploy.local.surroundings import Surroundings

_FILE = "run/environment.json"
_NAMES = (
    "DATABASE_URL",
    "REDIS_URL",
    "EVOLUTION_API_URL",
    "EVOLUTION_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "JWT_SECRET",
    "RAPIDFLOW_ENCRYPTION_KEY",
    "PUBLIC_URL",
    "LOG_DIR",
    "RAPIDFLOW_METRICS_TARGETS",
    "DATA_DIR",
    "HOST",
    "PORT",
)


@contextlib.contextmanager
def remembered(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Keep the settings of this stack beside its data (0600) for as long as it runs."""
    path = folder / _FILE
    write_json(path, {name: environment[name] for name in _NAMES if name in environment})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_address(folder: Path) -> str | None:
    """Where the stack of this data folder answers; None where none runs."""
    known = read_json(folder / _FILE)
    if not {"HOST", "PORT"} <= known.keys():
        return None
    host = reachable(str(known["HOST"]))
    return f"http://{f'[{host}]' if ':' in host else host}:{known['PORT']}"


def adopt_running_stack() -> bool:
    """Where no server is given, speak to the stack that runs here; False where there is none.

    Whatever the user's own environment or `.env` gives wins.
    """
    surroundings = Surroundings.here()
    if surroundings.get("DATABASE_URL") or surroundings.get("REDIS_URL"):
        return False
    known = read_json(surroundings.data_dir / _FILE)
    for name, value in known.items():
        if surroundings.get(name.removeprefix("RAPIDFLOW_")) is None:
            os.environ[name] = str(value)
    return bool(known)
