"""`rapidflow restore`: a backup in place of the database, and what nobody can prove since."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console
from rich.table import Table

from deploy.backup.load import refuse_company, restore_backup
from deploy.commands.admin import json_option, say
from deploy.commands.checked import checked_settings, one_sentence
from shared.db import restores
from shared.db.pool import connection
from shared.db.restores import HeldCampaign, Restore
from shared.settings import Settings
from worker import restored
from worker.deps import Deps, open_deps
from worker.restored import InstanceHistory, Review

_SEARCH = {
    "works": "shows what was sent",
    "untested": "nothing sent before the backup to ask for",
    "fails": "does NOT show what was certainly sent: is DATABASE_SAVE_DATA_NEW_MESSAGE on?",
    "no_answer": "no answer: is Evolution up and the instance there?",
}


_ID_WIDTH = len("CAMP-") + 26
_COLUMNS = ("campaign", "was", "of", "sent", "proven since", "unproven", "other words", "in doubt")


class _FileOrCommand(click.Group):
    """`restore FILE` is `restore file FILE`, so that the short word stays free for both."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None:
            args = ["file", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_FileOrCommand)
def restore() -> None:
    """Put a backup in place of the database, and decide what may have been sent since.

    \b
    rapidflow restore FILE             into an empty database; nothing is sent from it yet
    rapidflow restore review           what the provider shows was sent since the backup
    rapidflow restore release --all    campaigns of which nothing is left unproven go on
    """


@restore.command("file", hidden=True)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Drop what is in the database.")
@json_option
def from_file(file: Path, replace: bool, as_json: bool) -> None:
    """Put FILE (of `rapidflow backup`) in place of the database. Stop RapidFlow before."""
    settings = checked_settings()
    with one_sentence(), Console(stderr=True).status("Checking the backup") as status:
        manifest = restore_backup(
            settings, file, replace=replace, progress=lambda table: status.update(f"{table} …")
        )
        held = _current(settings)
    count = held.held if held else 0
    say(
        f"Restored what was true at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC. "
        f"{count} campaigns are held: nothing is sent until you say so.\n"
        "Everybody signs in anew. API keys, suppressions, erasures and users changed since the "
        "backup are as they were: look them over.\n"
        "Start Evolution and RapidFlow, then: rapidflow restore review",
        {"taken_at": manifest.taken_at, "held": count, "rows": manifest.rows},
        as_json=as_json,
    )


@restore.command()
@click.option("--taken-at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S"]), required=True,
              help="The instant its rows are of, in UTC.")  # fmt: skip
@json_option
def mark(taken_at: datetime, as_json: bool) -> None:
    """Hold a database that was restored in another way (a volume, a point in time). RapidFlow must
    not have run on it."""
    settings = checked_settings()
    with (
        one_sentence(),
        psycopg.connect(settings.database_url.get_secret_value(), connect_timeout=5) as conn,
    ):
        refuse_company(conn)
        restores.mark(conn, taken_at.replace(tzinfo=UTC))
    held = _current(settings)
    count = held.held if held else 0
    say(
        f"{count} campaigns are held. Next: rapidflow restore review",
        {"taken_at": taken_at.replace(tzinfo=UTC), "held": count},
        as_json=as_json,
    )


@restore.command()
@json_option
def review(as_json: bool) -> None:
    """Ask the provider what was sent since the backup, and take that for sent."""
    with _looking(checked_settings()) as (deps, current):
        found = restored.review(deps, current)
    if as_json:
        say("", _document(found), as_json=True)
    else:
        _show(found)


@restore.command()
@click.argument("campaigns", nargs=-1, metavar="[CAMPAIGN]...")
@click.option("--all", "everything", is_flag=True, help="All that are held.")
@click.option("--send-unproven", is_flag=True, help="Send what nobody can prove was sent.")
@click.option("--give-up", is_flag=True, help="Take that for failed, without sending it.")
@click.option("--without-evidence", is_flag=True,
              help="Also where the provider's search does not show what was sent.")  # fmt: skip
@json_option
def release(
    campaigns: tuple[str, ...],
    everything: bool,
    send_unproven: bool,
    give_up: bool,
    without_evidence: bool,
    as_json: bool,
) -> None:
    """Have held campaigns (CAMP-…) go on as they were, after one more look at the provider.

    A campaign with open messages that nobody can prove either way stays held, unless you say what
    becomes of them. Exit code 1 where one of those named stays held.
    """
    if bool(campaigns) == everything or (send_unproven and give_up):
        raise click.UsageError(
            "Say which: CAMPAIGN (several) or --all; and at most one of --send-unproven, --give-up."
        )
    with _looking(checked_settings()) as (deps, current):
        found = restored.review(deps, current)
        chosen = _chosen(found.held, campaigns)
        unanswered = [one for one in found.histories if one.state == "no_answer"]
        if unanswered and not without_evidence:
            names = ", ".join(one.instance.name for one in unanswered)
            raise click.ClickException(
                f"The provider did not answer for {names}: nothing is released on half a look. "
                "--without-evidence does it all the same."
            )
        released, kept = [], []
        for campaign in chosen:
            decision = _decision(found, campaign, send_unproven, give_up, without_evidence)
            if decision is None:
                kept.append(campaign)
            else:
                restored.release(deps, campaign, decision)
                released.append((campaign, decision))
        restored.open_up(deps)
    _tell_release(found, released, kept, as_json=as_json)
    if kept:
        raise SystemExit(1)


def _chosen(held: list[HeldCampaign], named: tuple[str, ...]) -> list[HeldCampaign]:
    wanted = {name.upper() for name in named}
    missing = wanted - {campaign.public_id for campaign in held}
    if missing:
        raise click.ClickException(f"Not held: {', '.join(sorted(missing))}.")
    return [campaign for campaign in held if not wanted or campaign.public_id in wanted]


def _decision(
    found: Review,
    campaign: HeldCampaign,
    send_unproven: bool,
    give_up: bool,
    without_evidence: bool,
) -> restored.Decision | None:
    """None: it stays held."""
    if not campaign.unproven:
        return "nothing_open"
    if give_up:
        return "give_up"
    if send_unproven and (without_evidence or found.is_searchable(campaign)):
        return "send"
    return None


def _tell_release(
    found: Review,
    released: list[tuple[HeldCampaign, restored.Decision]],
    kept: list[HeldCampaign],
    *,
    as_json: bool,
) -> None:
    document = {
        "released": [
            {"campaign_id": one.public_id, "decision": decision, "unproven": one.unproven}
            for one, decision in released
        ],
        **_document(found),
        "held": [_campaign(found, one) for one in kept],
    }
    lines = [
        f"{one.public_id}: released ({decision.replace('_', ' ')}), {one.unproven} unproven"
        for one, decision in released
    ]
    for one in kept:
        why = "" if found.is_searchable(one) else "; the provider's search is not proven to work"
        lines.append(f"{one.public_id}: stays held, {one.unproven} unproven{why}")
    if kept:
        blind = not all(found.is_searchable(one) for one in kept)
        but = " (and --without-evidence where the search is not proven to work)" if blind else ""
        lines.append(f"Say --send-unproven{but} or --give-up for them; hold is what they do now.")
    say("\n".join(lines) or "Nothing was held.", document, as_json=as_json)


@contextmanager
def _looking(settings: Settings) -> Iterator[tuple[Deps, Restore]]:
    """The engine's means and the restore in question, once no old call can be under way."""
    current = _current(settings)
    if current is None:
        raise click.ClickException(
            "Nothing is held: this database was not restored, or is released."
        )
    with one_sentence(), closing(open_deps(settings, name="command")) as deps:
        wait = restored.seconds_to_wait(deps, current)
        if wait:
            click.echo(
                f"Waiting {wait:.0f} s: a call of the old processes may still be under way.",
                err=True,
            )
            time.sleep(wait)
        yield deps, current


def _current(settings: Settings) -> Restore | None:
    with (
        one_sentence(),
        closing(open_deps(settings, name="command")) as deps,
        connection(deps.pool) as conn,
    ):
        return restores.find_current(conn)


def _document(found: Review) -> dict[str, Any]:
    return {
        "taken_at": found.restore.taken_at,
        "opted_out": found.opted_out,
        "instances": [
            {
                "name": one.instance.name,
                "search": one.state,
                "proven": one.proven,
                "strangers": one.strangers,
            }
            for one in found.histories
        ],
        "held": [_campaign(found, one) for one in found.held],
    }


def _campaign(found: Review, one: HeldCampaign) -> dict[str, Any]:
    return {
        "campaign_id": one.public_id,
        "tenant": one.tenant,
        "name": one.name,
        "status_before": one.status_before,
        "total": one.total,
        "sent": one.sent,
        "proven": one.proven,
        "unproven": one.unproven,
        "written_to": one.written_to,
        "in_doubt": one.in_doubt,
        "search_works": found.is_searchable(one),
    }


def _show(found: Review) -> None:
    console = Console(highlight=False)
    console.print(f"Backup of {found.restore.taken_at:%Y-%m-%d %H:%M:%S} UTC. Since then:")
    for one in found.histories:
        console.print(f"  {_instance_line(one)}", soft_wrap=True, markup=False)
    if found.opted_out:
        console.print(
            f"  {found.opted_out} people asked to be left alone; they are suppressed now."
        )
    if not found.held:
        console.print("No campaign is held; `rapidflow restore release --all` lets new ones start.")
        return
    table = Table(*_COLUMNS)
    table.columns[0].min_width = _ID_WIDTH  # `release` wants it whole, however narrow the terminal
    for campaign in found.held:
        table.add_row(
            campaign.public_id,
            campaign.status_before,
            str(campaign.total),
            str(campaign.sent),
            str(campaign.proven),
            str(campaign.unproven),
            str(campaign.written_to),
            str(campaign.in_doubt),
        )
    console.print(table)
    unproven = sum(campaign.unproven for campaign in found.held)
    console.print(
        f"{unproven} messages are unproven: not in what the provider shows, which proves nothing "
        "by itself. They stay held until you release each campaign (or --all): as it is where "
        "nothing is unproven, else with --send-unproven or --give-up.",
        soft_wrap=True,
    )


def _instance_line(one: InstanceHistory) -> str:
    return (
        f"{one.instance.name}: {len(one.ours)} sent, {one.proven} found to be ours, "
        f"{one.strangers} of no campaign here (written by hand, or of campaigns made since); "
        f"search: {_SEARCH[one.state]}"
    )
