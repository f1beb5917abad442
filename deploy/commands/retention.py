"""`rapidflow retention`: how long things are kept, and what is over its time."""

from contextlib import closing

import click

from deploy.commands.admin import database, json_option, say, show
from deploy.commands.checked import checked_settings, one_sentence
from shared.db import retention as rows
from worker.deps import open_deps
from worker.retention import run_once

_COUNTED_AT_MOST = 100_000


@click.group()
def retention() -> None:
    """How long events, webhooks, attempts, texts, sessions and logs are kept.

    `rapidflow control` drops what is over its time by itself, a little at a time. The days are
    settings: RAPIDFLOW_RETENTION__TEXTS_DAYS=180 and so on; 0 keeps for ever.
    """


@retention.command()
@json_option
def status(as_json: bool) -> None:
    """Show the days of each kind and what is over them (`texts`: campaigns)."""
    with database() as (conn, settings):
        kept = {kind: settings.retention.days(kind) for kind in rows.KINDS}
        endless = {kind: days or 36_500 for kind, days in kept.items()}
        due = rows.count_due(conn, endless, limit=_COUNTED_AT_MOST)
    lines = [
        {"kind": kind, "kept days": days or "for ever", "due": due[kind]}
        for kind, days in kept.items()
    ]
    show(lines, name="retention", as_json=as_json, nothing="")


@retention.command()
@json_option
def run(as_json: bool) -> None:
    """Drop everything that is over its time, now."""
    total: dict[str, int] = {}
    with one_sentence(), closing(open_deps(checked_settings(), name="command")) as deps:
        while any((gone := run_once(deps)).values()):
            for kind, count in gone.items():
                total[kind] = total.get(kind, 0) + count
    told = ", ".join(f"{kind} {count}" for kind, count in total.items() if count)
    say(f"Dropped: {told or 'nothing'}.", {"dropped": total}, as_json=as_json)
