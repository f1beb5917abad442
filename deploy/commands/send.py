"""`rapidflow send`: a contact list and a message, made into a campaign and followed to its end."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.api_client import ApiClient, ApiError, UnreachableError
from deploy.campaign_feed import FeedTiming
from deploy.commands.session import CommandError, Session, api_options, explained
from deploy.commands.watch import follow, leave_running
from deploy.contact_file import ContactFile, ContactFileError, read_contact_file
from deploy.report import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, print_outcome, reason_text
from shared.domain.contacts import MAX_CONTACTS, CheckedContacts, Validation, check_contacts
from shared.domain.template import MAX_TEXT, unknown_variables

_SHOWN_PROBLEMS: Final = 15
_MAX_NAME: Final = 255
_MAX_IMAGE_URL: Final = 2048


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """What to send. Delays are seconds between two messages; None leaves it to the server."""

    name: str
    message: str
    image_url: str | None = None
    instances: tuple[str, ...] = ()
    delay_min: float | None = None
    delay_max: float | None = None
    model: str | None = None

    def body(self, contacts: ContactFile) -> dict[str, Any]:
        """The body of POST /api/campaigns; every row goes along, so that the report adds up."""
        config: dict[str, Any] = {
            "systemPrompt": self.message,
            "imageUrl": self.image_url,
            "delayMin": self.delay_min,
            "delayMax": self.delay_max,
            "model": self.model,
        }
        if self.instances:
            several = len(self.instances) > 1
            config["instances" if several else "instance"] = (
                list(self.instances) if several else self.instances[0]
            )
        config = {key: value for key, value in config.items() if value is not None}
        return {"name": self.name, "contacts": contacts.rows, "config": config}


def create_and_follow(
    client: ApiClient,
    contacts: ContactFile,
    draft: CampaignDraft,
    console: Console,
    *,
    idempotency_key: str | None = None,
    watch: bool = True,
    timing: FeedTiming | None = None,
    answer: Callable[[dict[str, Any]], None] = lambda _: None,
) -> int:
    """Create the campaign, follow it, print the report; returns the exit code of `send`.

    `answer` is given the JSON of `--json`. Raises ApiError, and CommandError where the server
    refuses rows. Ctrl-C leaves the campaign running, says so and returns 130.
    """
    created = create(client, contacts, draft, console, key=idempotency_key or str(uuid4()))
    campaign_id = str(created["campaign"].get("campaign_id") or created["campaign"].get("id"))
    if not watch:
        console.print(f"Watch it with: rapidflow watch {campaign_id}", highlight=False)
        answer({"campaign": created["campaign"], "validation": created.get("validation")})
        return EXIT_OK
    try:
        outcome = follow(client, campaign_id, console, timing=timing)
    except KeyboardInterrupt:
        leave_running(campaign_id, console)
        return EXIT_INTERRUPTED
    print_outcome(outcome, console, url=client.url)
    answer({"campaign": outcome.as_json(), "validation": created.get("validation")})
    return outcome.exit_code


def create(
    client: ApiClient, contacts: ContactFile, draft: CampaignDraft, console: Console, *, key: str
) -> dict[str, Any]:
    """POST the campaign and say what the server made of it; its whole answer."""
    try:
        created = client.create_campaign(draft.body(contacts), idempotency_key=key)
    except UnreachableError as error:
        maybe = "" if error.never_arrived else f" {_maybe_created(key)}"
        raise CommandError(f"{error}{maybe}", code=error.code) from error
    except ApiError as error:
        raise _in_lines_of(error, contacts) from error
    except KeyboardInterrupt:
        console.print(f"\n{_maybe_created(key)}", highlight=False, soft_wrap=True)
        raise
    if not isinstance(created.get("campaign"), dict):
        raise CommandError(f"{client.url} does not answer like RapidFlow (no campaign).")
    validation = created.get("validation") or {}
    campaign_id = created["campaign"].get("campaign_id")
    console.print(
        f"[bold]{escape(str(campaign_id))}[/] created:"
        f" {validation.get('valid', len(contacts.rows))} to send,"
        f" {validation.get('skipped', 0)} skipped{_in_words(validation.get('reasons') or {})}",
        highlight=False,
        soft_wrap=True,
    )
    return created


def _maybe_created(key: str) -> str:
    return (
        "The campaign may have been created all the same: repeat the command with"
        f" --idempotency-key {key} and it is not created twice."
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--message", required=True, help="The text; {{nome}} and any column are filled in.")
@click.option("--name", help="Name of the campaign. [default: the file's name and the time]")
@click.option("--image-url", help="https address of an image; the text becomes its caption.")
@click.option(
    "--instance", "instances", multiple=True, help="WhatsApp number to send from. May repeat."
)
@click.option("--delay-min", type=click.FloatRange(0, 3600), help="Shortest pause, in seconds.")
@click.option("--delay-max", type=click.FloatRange(0, 3600), help="Longest pause, in seconds.")
@click.option("--model", help="Language model that writes each text from the message.")
@click.option(
    "--watch/--no-watch", default=None, help="Follow to the end. [default: on a terminal]"
)
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@click.option("--idempotency-key", help="Repeating a command with the same key sends only once.")
@api_options
def send(
    file: Path,
    message: str,
    name: str | None,
    image_url: str | None,
    instances: tuple[str, ...],
    delay_min: float | None,
    delay_max: float | None,
    model: str | None,
    watch: bool | None,
    yes: bool,
    idempotency_key: str | None,
    url: str | None,
    token: str | None,
    data_dir: str,
    as_json: bool,
) -> None:
    """Send --message to everyone in FILE (CSV or XLSX) and follow it until the report.

    FILE needs a column with names and one with phones; the heading may say nome, name, cliente,
    telefone, celular, whatsapp and the like. Every column can be used in the message. Before
    anything is sent you see who will be skipped, and why, by the lines of your file.

    \b
    Example:
      rapidflow send contatos.csv --message "Olá {{nome}}, seu pedido {{pedido}} chegou!"

    \b
    Exit codes: 0 everything sent, 3 ended with failures or doubts, 1 error,
    130 Ctrl-C (the campaign goes on; `rapidflow watch` shows it again).
    """
    session = Session.of(url, token, data_dir, as_json=as_json)
    console = session.console
    with explained(session):
        draft = CampaignDraft(
            name or f"{file.stem[:200]} {datetime.now().astimezone():%Y-%m-%d %H:%M}",
            message, image_url, instances, delay_min, delay_max, model,
        )  # fmt: skip
        contacts = _read(file)
        check_draft(draft, contacts)
        with session.client() as client:
            preview(contacts, console)
            if not yes and not _agreed(console):
                console.print("Nothing was sent.")
                sys.exit(EXIT_ERROR)
            code = create_and_follow(
                client,
                contacts,
                draft,
                console,
                idempotency_key=idempotency_key,
                watch=console.is_terminal if watch is None else watch,
                answer=session.answer,
            )
    sys.exit(code)


def check_draft(draft: CampaignDraft, contacts: ContactFile) -> None:
    """Raises CommandError for what the server would refuse anyway."""
    if not draft.message.strip():
        raise CommandError("The message is empty.")
    if len(draft.message) > MAX_TEXT:
        raise CommandError(f"The message is longer than {MAX_TEXT} characters.")
    if not 1 <= len(draft.name.strip()) <= _MAX_NAME:
        raise CommandError(f"The campaign's name must have 1 to {_MAX_NAME} characters.")
    if draft.image_url and len(draft.image_url) > _MAX_IMAGE_URL:
        raise CommandError(f"The image's address is longer than {_MAX_IMAGE_URL} characters.")
    if None not in (draft.delay_min, draft.delay_max) and draft.delay_min > draft.delay_max:  # type: ignore[operator]
        raise CommandError("--delay-min is more than --delay-max.")
    if unknown := unknown_variables(draft.message, contacts.columns):
        names = ", ".join(f"{{{{{name}}}}}" for name in unknown)
        raise CommandError(
            f"The message uses {names}, which the file does not have."
            f" Its columns are: {', '.join(contacts.columns)}."
        )


def preview(contacts: ContactFile, console: Console) -> CheckedContacts:
    """Show who will be written to and who not, by the file's own lines.

    Raises CommandError if nobody can be. Numbers of other countries count as sendable: whether
    the plan includes them only the server knows.
    """
    checked = check_contacts(contacts.rows, allow_foreign=True)
    validation = checked.validation
    for warning in contacts.warnings:
        console.print(f"[yellow]{escape(warning)}", highlight=False)
    if validation.skipped:
        console.print(_problem_table(checked, contacts))
        hidden = validation.skipped - min(validation.skipped, _SHOWN_PROBLEMS)
        if hidden:
            console.print(f"[dim]… and {hidden} more", highlight=False)
    if not validation.valid:
        raise CommandError(f"None of the {len(contacts.rows)} contacts can be written to.")
    console.print(
        f"[bold]{validation.valid}[/] of {len(contacts.rows)} contacts will get the message,"
        f" {validation.skipped} will be skipped{_in_words(validation.reasons)}."
    )
    _remarks(checked, validation, console)
    return checked


def _remarks(checked: CheckedContacts, validation: Validation, console: Console) -> None:
    if landlines := validation.warnings.get("landline"):
        console.print(f"[yellow]{landlines} of them are landlines.", highlight=False)
    foreign = sum(not contact.phone.startswith("55") for contact in checked.sendable())
    if foreign:
        console.print(
            f"[yellow]{foreign} of them are in other countries: skipped unless your plan"
            " includes them.",
            highlight=False,
        )


def _problem_table(checked: CheckedContacts, contacts: ContactFile) -> Table:
    table = Table("line", "name", "phone", "why it is skipped", show_edge=False)
    table.columns[0].justify = "right"
    for problem in checked.validation.first_problems[:_SHOWN_PROBLEMS]:
        entry = checked.entries[problem.index]
        table.add_row(
            str(contacts.line_numbers[problem.index]),
            escape(entry.name),
            escape(entry.phone),
            escape(in_lines(problem.message, contacts.line_numbers)),
        )
    return table


def in_lines(text: str, line_numbers: Sequence[int]) -> str:
    """`contacts[3].telefone` in the words of the file's owner: `line 5, telefone`."""

    def line_of(match: re.Match[str]) -> str:
        index = int(match[1])
        if index >= len(line_numbers):
            return match[0]
        return f"line {line_numbers[index]}" + (f", {match[2]}" if match[2] else "")

    return re.sub(r"contacts\[(\d{1,9})\](?:\.([\w-]+))?", line_of, text)


def _read(file: Path) -> ContactFile:
    try:
        contacts = read_contact_file(file)
    except ContactFileError as error:
        raise CommandError(str(error)) from error
    if len(contacts.rows) > MAX_CONTACTS:
        raise CommandError(
            f"{file.name} has {len(contacts.rows):,} contacts and a campaign takes at most"
            f" {MAX_CONTACTS:,}: split the file."
        )
    return contacts


def _agreed(console: Console) -> bool:
    if not sys.stdin.isatty():
        raise CommandError("This is not a terminal, so nobody can be asked: add --yes to send.")
    return click.confirm("Send?", err=console.stderr)


def _in_lines_of(error: ApiError, contacts: ContactFile) -> CommandError:
    lines = [f"{field.get('path', '')}: {field.get('message', '')}" for field in error.fields]
    details = tuple(in_lines(line, contacts.line_numbers) for line in lines[:_SHOWN_PROBLEMS])
    request = f" (request {error.request_id})" if error.request_id else ""
    return CommandError(
        in_lines(str(error), contacts.line_numbers) + request, details, code=error.code
    )


def _in_words(reasons: Mapping[str, int]) -> str:
    words = ", ".join(f"{count} {reason_text(reason)}" for reason, count in sorted(reasons.items()))
    return f" ({words})" if words else ""
