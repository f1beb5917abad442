"""`rapidflow doubts`: messages that may have been sent, shown and decided."""

import uuid
from typing import Any

import click

from deploy.commands.session import CommandError, Session, api_options, explained


@click.group()
def doubts() -> None:
    """Messages that may have been sent: list them, decide them."""


@doubts.command("list")
@click.argument("campaign_id", required=False)
@api_options
def list_doubts(
    campaign_id: str | None, url: str | None, token: str | None, data_dir: str, as_json: bool
) -> None:
    """Show what is in doubt in CAMPAIGN_ID (CAMP-… or its number), or in all campaigns."""
    session = Session.of(url, token, data_dir, as_json=as_json)
    with explained(session), session.client() as client:
        found = client.doubts(campaign_id)
        session.answer({"doubts": found})
    if as_json:
        return
    if not found:
        click.echo("Nothing is in doubt.")
        return
    for doubt in found:
        click.echo(_lines(doubt))
    click.echo("Decide with: rapidflow doubts decide CAMPAIGN sent|failed|resend --position N")


def _lines(doubt: dict[str, Any]) -> str:
    status = f" (HTTP {doubt['http_status']})" if doubt["http_status"] else ""
    if doubt["looks"] is None:
        looks = "its 24 hours of looking are over"
    else:
        looks = f"{doubt['looks']} looks made, next {_minute(doubt['next_look_at'])}"
    search = "works" if doubt["lookup_works"] else "is not proven to work"
    return (
        f"{doubt['campaign_id']} position {doubt['position']}: {doubt['nome']} {doubt['telefone']},"
        f" attempt {doubt['attempt']} at {_minute(doubt['attempt_started_at'])}\n"
        f"    {doubt['reason_text'] or '–'}{status}; {looks}; the search of"
        f" {doubt['instance'] or '–'} {search}"
    )


def _minute(instant: str | None) -> str:
    return f"{instant[:16].replace('T', ' ')} UTC" if instant else "–"


@doubts.command()
@click.argument("campaign_id")
@click.argument("decision", type=click.Choice(["sent", "failed", "resend"]))
@click.option("--position", "positions", type=int, multiple=True, help="Place in the list; repeat.")
@click.option("--all", "everything", is_flag=True, help="All that are in doubt there.")
@click.option("--note", help="Why; it is kept in the audit log.")
@api_options
def decide(
    campaign_id: str,
    decision: str,
    positions: tuple[int, ...],
    everything: bool,
    note: str | None,
    url: str | None,
    token: str | None,
    data_dir: str,
    as_json: bool,
) -> None:
    """Take doubts of CAMPAIGN_ID for sent or failed, or have them sent again.

    A proof of sending that arrives later wins, unless the message has gone again by then.
    """
    session = Session.of(url, token, data_dir, as_json=as_json)
    with explained(session):
        if bool(positions) == everything:
            raise CommandError("Say which: --position N (several times) or --all.")
        which: dict[str, Any] = {"all": True} if everything else {"positions": list(positions)}
        body = {"decision": decision, **which, **({"note": note} if note else {})}
        with session.client() as client:
            answer = client.decide_doubts(campaign_id, body, idempotency_key=uuid.uuid4().hex)
        session.answer({"decided": answer["decided"], "campaign": answer["campaign"]})
        if not as_json:
            left = answer["campaign"]["in_doubt_count"]
            click.echo(f"Decided {answer['decided']}; {left} still in doubt.")
