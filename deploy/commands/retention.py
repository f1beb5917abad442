"""`rapidflow retention`: what is kept how long, what is ready to go, and a run by hand."""

from collections import Counter
from contextlib import closing
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from deploy.commands.admin import database, json_option, say
from deploy.commands.checked import checked_settings, one_sentence
from shared.db import retention as rows
from shared.db.pool import ENGINE_ROLE, make_pool
from shared.db.retention import Waiting
from shared.settings import RetentionSettings
from worker.retention import run as run_batch

_BOUND: Final = 100_000
_FOREVER: Final = 1_000_000


@click.group()
def retention() -> None:
    """What is no longer needed: how long it is kept, and when it goes."""


@retention.command()
@json_option
def status(as_json: bool) -> None:
    """Show how long each kind is kept, what is ready to go and what went so far.

    Control removes a batch of each kind at a time, all day long. Counts stop at 100,000.
    """
    with database() as (conn, settings):
        knobs = settings.retention
        removed = rows.removed_so_far(conn)
        waiting = rows.waiting(
            conn,
            inbox_days=knobs.inbox_days,
            refresh_tokens_days=knobs.refresh_tokens_days,
            lids_days=knobs.lids_days,
            people_days=knobs.people_days,
            bound=_BOUND,
        )
    kinds = _kinds(knobs, waiting, removed)
    if as_json:
        document = {
            "kinds": kinds,
            "campaigns_due": waiting.campaigns_due,
            "campaigns_held": waiting.campaigns_held,
        }
        say("", document, as_json=True)
        return
    _print(kinds, waiting)


@retention.command("run")
@click.option(
    "--batches",
    type=click.IntRange(min=1),
    default=_FOREVER,
    help="Stop after so many; else until nothing is ready.",
)
@json_option
def run_now(batches: int, as_json: bool) -> None:
    """Remove what is ready now instead of waiting for control. Safe beside everything that runs."""
    settings = checked_settings()
    url = settings.database_url.get_secret_value()
    pool = make_pool(url, ENGINE_ROLE, settings.pool, size=1, name="retention")
    removed: Counter[str] = Counter()
    with one_sentence(), closing(pool):
        pool.open()
        for _ in range(batches):
            went = run_batch(pool, settings.retention)
            removed += went
            if not went.total():
                break
    counts = dict(sorted(removed.items()))
    words = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    say(f"Gone: {words}." if words else "Nothing was ready.", {"removed": counts}, as_json=as_json)


def _kinds(
    knobs: RetentionSettings, waiting: Waiting, removed: dict[str, int]
) -> list[dict[str, Any]]:
    """One line per kind; `ready` None: it goes with its campaign."""
    end = "after the campaign's end"
    lines: list[tuple[str, int, str, str, int | None]] = [
        ("events", knobs.events_days, end, "EVENTS_DAYS", None),
        ("model_texts", knobs.model_texts_days, end, "MODEL_TEXTS_DAYS", None),
        ("people", knobs.people_days, end, "PEOPLE_DAYS", None),
        ("attempts", knobs.people_days, "with the people", "PEOPLE_DAYS", None),
        ("hours", knobs.hours_days, end, "HOURS_DAYS", None),
        ("webhooks", knobs.inbox_days, "after use", "INBOX_DAYS", waiting.webhooks),
        ("lids", knobs.lids_days, "after the last list", "LIDS_DAYS", waiting.lids),
        (
            "refresh_tokens",
            knobs.refresh_tokens_days,
            "after they expired",
            "REFRESH_TOKENS_DAYS",
            waiting.refresh_tokens,
        ),
        ("idempotency_keys", 1, "after the request", "", waiting.idempotency_keys),
    ]
    return [
        {
            "kind": kind,
            "days": days,
            "since": since,
            "setting": f"RAPIDFLOW_RETENTION__{name}" if name else None,
            "ready": ready,
            "removed": removed.get(kind, 0),
        }
        for kind, days, since, name, ready in lines
    ]


def _print(kinds: list[dict[str, Any]], waiting: Waiting) -> None:
    table = Table("what", "days", "since", "setting")
    table.add_column("ready", justify="right")
    table.add_column("gone so far", justify="right")
    for line in kinds:
        ready = "–" if line["ready"] is None else str(line["ready"])
        table.add_row(
            line["kind"],
            str(line["days"]),
            line["since"],
            line["setting"] or "–",
            ready,
            str(line["removed"]),
        )
    console = Console()
    console.print(table)
    console.print(f"{waiting.campaigns_due} ended campaigns are to be looked at now.")
    if waiting.campaigns_held:
        held = f"{waiting.campaigns_held} campaigns keep their people beyond the time"
        console.print(f"[yellow]{held}: a doubt is open. See `rapidflow doubts list`.")
