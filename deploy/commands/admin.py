"""What administration commands share: the database as engine, tenants by name, answers as JSON."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import psycopg
from psycopg import Connection
from rich.console import Console
from rich.table import Table

from deploy.commands.checked import NOT_MIGRATED, checked_settings, one_sentence
from shared.db import tenants
from shared.db.pool import ENGINE_ROLE, Row, connection_options
from shared.db.tenants import Tenant
from shared.events.models import iso
from shared.settings import Settings

ACTOR = "command"
DEFAULT_TENANT = "RapidFlow"

json_option = click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
tenant_option = click.option(
    "--tenant", "tenant_name", default=DEFAULT_TENANT, show_default=True, help="Name or number."
)


@contextlib.contextmanager
def database() -> Iterator[tuple[Connection[Row], Settings]]:
    """One transaction that sees every tenant; what goes wrong is one sentence."""
    settings = checked_settings()
    options = connection_options(ENGINE_ROLE, settings.pool)
    with one_sentence():
        try:
            with psycopg.connect(
                settings.database_url.get_secret_value(), options=options, connect_timeout=5
            ) as conn:
                yield conn, settings
        except psycopg.errors.InvalidParameterValue as exc:
            raise click.ClickException(NOT_MIGRATED) from exc


def get_tenant(conn: Connection[Row], name: str) -> Tenant:
    """By name or number; a ClickException where there is none."""
    tenant = tenants.find_tenant(conn, name)
    if tenant is None:
        raise click.ClickException(
            f"There is no tenant {name!r}: `rapidflow tenant create` makes one, "
            "`rapidflow tenant list` shows those there are."
        )
    return tenant


def say(sentence: str, document: Mapping[str, Any], *, as_json: bool) -> None:
    """One sentence for people, the document for programs."""
    click.echo(json.dumps(document, default=_plain, ensure_ascii=False) if as_json else sentence)


def show(rows: Sequence[Mapping[str, Any]], *, name: str, as_json: bool, nothing: str) -> None:
    """A table for people, `{name: [...]}` for programs."""
    if as_json:
        click.echo(json.dumps({name: list(rows)}, default=_plain, ensure_ascii=False))
    elif not rows:
        click.echo(nothing)
    else:
        table = Table(*rows[0].keys())
        for row in rows:
            table.add_row(*(_word(value) for value in row.values()))
        Console().print(table)


def read_password(given: str | None) -> str:
    """The option, else standard input where it is not a terminal, else a prompt (twice)."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def columns(*names: str) -> Callable[[Any], dict[str, Any]]:
    """Picks attributes of a row."""
    return lambda row: {name: getattr(row, name) for name in names}


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else str(value)


def _word(value: Any) -> str:
    if value is None:
        return "–"
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else str(value)
