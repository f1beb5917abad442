"""`make faults`: every row of the table on real processes; exit 1 when a promise was broken.

`make faults FULL=1` runs one row of each kind at the real times too; `make soak` random faults from
a seed that is printed, so that what it finds can be replayed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults import rows, storm  # noqa: F401  rows enter themselves
from tests.faults.case import Outcome
from tests.faults.registry import Row, chosen, play
from tests.faults.rig import running_rig
from tests.faults.smalldisk import small_disk

_RESULTS = Path("tests/faults/results")


def main() -> int:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--only", default="", help="words of a row's section and name")
    parser.add_argument("--full", action="store_true", help="one row of each kind at real times")
    parser.add_argument("--list", action="store_true", help="print the rows and do nothing")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="random faults instead")
    parser.add_argument("--seed", type=int, help="of the random faults; printed when not given")
    parser.add_argument("--kills", type=int, metavar="N", help="only N random kills (default 200)")
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=150)
    wanted = chosen(given.only)
    if given.list:
        for one in wanted:
            console.print(f"{one.section:10} {one.name}", highlight=False)
        return 0
    outcomes: list[Outcome] = []
    if given.soak:
        outcomes = [_soak(given.soak, given.seed, console)]
    elif given.kills:
        outcomes = [_kills(given.kills, given.seed, console)]
    else:
        for outcome in _table(wanted, full=given.full):
            outcomes.append(outcome)
            _tell(outcome, console)
        if not given.only:
            outcomes.append(_kills(200 if given.full else 40, given.seed, console))
    _show(outcomes, console)
    _write(outcomes, console)
    return 0 if outcomes and all(outcome.passed for outcome in outcomes) else 1


def _table(wanted: Sequence[Row], *, full: bool) -> Iterator[Outcome]:
    plain = [one for one in wanted if not one.tmpfs]
    if plain:
        with _folder() as folder, running_rig(Path(folder)) as rig:
            for one in plain:
                yield play(rig, one)
    for one in wanted:
        if one.tmpfs:
            yield _on_small_disk(one)
    real = [one for one in wanted if one.real] if full else []
    if real:
        with _folder() as folder, running_rig(Path(folder), real_times=True) as rig:
            for one in real:
                outcome = play(rig, one)
                outcome.fault += " (real times)"
                yield outcome


def _on_small_disk(one: Row) -> Outcome:
    with small_disk() as folder:
        if folder is None:
            outcome = Outcome(one.name, one.section)
            outcome.notes.append("not run: this user may not mount a small disk")
            return outcome
        with running_rig(folder, wal_megabytes=48) as rig:
            return play(rig, one)


def _soak(minutes: float, seed: int | None, console: Console) -> Outcome:
    with _folder() as folder, running_rig(Path(folder)) as rig:
        return storm.soak(rig, minutes=minutes, seed=seed, say=console.print)


def _kills(count: int, seed: int | None, console: Console) -> Outcome:
    with _folder() as folder, running_rig(Path(folder)) as rig:
        return storm.kills(rig, count=count, seed=seed, say=console.print)


def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="rapidflow-faults-", ignore_cleanup_errors=True)


def _tell(outcome: Outcome, console: Console) -> None:
    mark = "[green]kept[/]  " if outcome.passed else "[red]BROKEN[/]"
    console.print(f"{mark} {outcome.section}: {outcome.fault} ({outcome.took_seconds:.0f} s)")
    for problem in outcome.problems:
        console.print(f"       {problem}", markup=False)


def _show(outcomes: Sequence[Outcome], console: Console) -> None:
    table = Table(
        "", "fault", *("contacts", "sent", "duplicates", "lost", "doubts", "in doubt", "seconds")
    )
    for outcome in outcomes:
        seconds = outcome.recovered_seconds
        table.add_row(
            "[green]kept[/]" if outcome.passed else "[red]BROKEN[/]",
            f"{outcome.section}: {outcome.fault}",
            *(
                str(number)
                for number in (
                    outcome.contacts, outcome.sent, outcome.duplicates, outcome.lost,
                    outcome.doubts, outcome.in_doubt,
                )
            ),
            "–" if seconds is None else f"{seconds:.1f} ≤ {outcome.within_seconds:.0f}",
        )  # fmt: skip
    console.print(table)
    for outcome in outcomes:
        for note in (*outcome.notes, *outcome.problems):
            console.print(f"{outcome.fault}: {note.strip().splitlines()[0]}", markup=False)


def _write(outcomes: Sequence[Outcome], console: Console) -> None:
    _RESULTS.mkdir(parents=True, exist_ok=True)
    path = _RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps([one.as_json() for one in outcomes], indent=2), "utf-8")
    console.print(f"Written to {path}")


if __name__ == "__main__":
    sys.exit(main())
