"""Settings and database for commands: whatever is wrong is one sentence and exit code 1."""

import contextlib
from collections.abc import Iterator

import click
import psycopg

from deploy.local.environment import adopt_running_stack
from shared.errors import RapidFlowError, SettingsError
from shared.settings import Settings, load_settings

NOT_MIGRATED = "The database is not up to date: run `rapidflow migrate` first."


def checked_settings() -> Settings:
    """The settings of this process, or one line that names what is missing.

    Typed beside a running `rapidflow up`, with no servers given, a command speaks to that stack.
    """
    adopt_running_stack()
    try:
        return load_settings()
    except SettingsError as exc:
        raise click.ClickException(
            f"{exc} (see .env.example; `rapidflow up` brings its own for a laptop)"
        ) from exc


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what an operator can meet into one sentence."""
    try:
        yield
    except RapidFlowError as exc:
        raise click.ClickException(str(exc)) from exc
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject) as exc:
        raise click.ClickException(NOT_MIGRATED) from exc
    except psycopg.OperationalError as exc:
        if 'role "rapidflow_' in str(exc):  # those that the first migration makes
            raise click.ClickException(NOT_MIGRATED) from exc
        reason = str(exc).strip().splitlines()[-1] if str(exc).strip() else "no answer"
        raise click.ClickException(f"DATABASE_URL: the database cannot be used: {reason}") from exc
