"""What every command that talks to the API shares: its options, its client, its ways to end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import orjson
from rich.console import Console

from deploy.api_client import ApiClient, ApiError, NoTokenError, find_token
from deploy.local.environment import running_address
from deploy.report import EXIT_ERROR, EXIT_INTERRUPTED

Command = TypeVar("Command", bound=Callable[..., Any])

_USUAL_ADDRESS: Final = "http://localhost:5000"
_OPTIONS: Final = (
    click.option(
        "--url",
        envvar="RAPIDFLOW_URL",
        show_envvar=True,
        help="Where RapidFlow answers; without it the `rapidflow up` that runs here, else "
        "http://localhost:5000.",
    ),
    click.option(
        "--token",
        envvar="RAPIDFLOW_TOKEN",
        show_envvar=True,
        help="API key (rf_…) or access token; without it the key that `rapidflow up` wrote.",
    ),
    click.option(
        "--data-dir",
        envvar=["DATA_DIR", "RAPIDFLOW_DATA_DIR"],
        default=".rapidflow",
        show_default=True,
        type=click.Path(file_okay=False),
        help="Where `rapidflow up` keeps its files.",
    ),
    click.option(
        "--json", "as_json", is_flag=True, help="One JSON object on stdout, for programs."
    ),
)


@dataclass(frozen=True, slots=True)
class Session:
    """How to reach the server and how to speak to whoever called."""

    url: str
    token: str | None
    data_dir: str
    as_json: bool
    console: Console

    @classmethod
    def of(cls, url: str | None, token: str | None, data_dir: str, *, as_json: bool) -> "Session":
        """With --json stdout belongs to the one object; everything for people goes to stderr."""
        where = url or running_address(Path(data_dir)) or _USUAL_ADDRESS
        return cls(where, token, data_dir, as_json, Console(stderr=as_json))

    def client(self) -> ApiClient:
        """Raises NoTokenError."""
        return ApiClient(self.url, find_token(self.token, self.data_dir))

    def answer(self, body: dict[str, Any]) -> None:
        """The command's JSON, if that was asked for."""
        if self.as_json:
            click.echo(orjson.dumps({"success": True, **body}).decode())


def api_options(command: Command) -> Command:
    """--url, --token, --data-dir and --json."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class CommandError(Exception):
    """The command cannot go on; `str()` is one sentence, `details` are lines below it."""

    def __init__(
        self, message: str, details: tuple[str, ...] = (), *, code: str = "invalid_input"
    ) -> None:
        super().__init__(message)
        self.details = details
        self.code = code


@contextmanager
def explained(session: Session) -> Iterator[None]:
    """End with exit code 1 and a sentence where there would be a traceback."""
    try:
        yield
    except (CommandError, ApiError, NoTokenError) as error:
        details = error.details if isinstance(error, CommandError) else ()
        if session.as_json:
            problem = {"code": _code(error), "message": str(error), "details": details}
            click.echo(orjson.dumps({"success": False, "error": problem}).decode())
        else:
            click.echo(f"Error: {error}", err=True)
            for line in details:
                click.echo(f"  {line}", err=True)
        sys.exit(EXIT_ERROR)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _code(error: Exception) -> str:
    if isinstance(error, (ApiError, CommandError)):
        return error.code
    return "no_token"
