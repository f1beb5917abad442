"""The table: every row is a function that breaks something, and how soon all must be well again."""

import fnmatch
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.case import Case, Outcome
from tests.faults.rig import Rig, Times

Play = Callable[[Case], None]
Within = Callable[[Times], float]


@dataclass(frozen=True, slots=True)
class Row:
    """`within`: seconds from the end of the fault to rest, at the times of a rig."""

    name: str
    section: str
    play: Play
    within: Within
    short: bool  # also in `make test`
    real: bool  # also at real times, in `make faults FULL=1`
    tmpfs: bool  # needs a small disk of its own


ROWS: list[Row] = []


def lease(times: Times) -> float:
    """What was leased goes back: the lease, one tick, and ten seconds."""
    return times.lease + times.tick + 10


def doubt(times: Times) -> float:
    """What was open is settled by evidence: the call's end, the quiet time, and ten seconds."""
    return max(times.lease, times.open_call, times.quiet) + 2 * times.tick + 10


def row(
    section: str,
    *,
    within: Within | float,
    short: bool = False,
    real: bool = False,
    tmpfs: bool = False,
) -> Callable[[Play], Play]:
    """Enter a function into the table; the first line of its docstring is what is printed."""
    promised = within if callable(within) else lambda _times: within

    def enter(play: Play) -> Play:
        assert play.__doc__ is not None
        name = play.__doc__.strip().splitlines()[0].rstrip(".")
        ROWS.append(Row(name, section, play, promised, short, real, tmpfs))
        return play

    return enter


def chosen(pattern: str) -> Sequence[Row]:
    """Rows whose name or section contains the words, or matches the pattern."""
    wanted = pattern.lower()
    return [
        one
        for one in ROWS
        if wanted in f"{one.section} {one.name}".lower()
        or fnmatch.fnmatch(one.play.__name__, wanted)
    ]


def play(rig: Rig, one: Row) -> Outcome:
    """Run a row on a healthy rig and draw its account; what goes wrong is a problem of the row."""
    outcome = Outcome(one.name, one.section, within_seconds=one.within(rig.times))
    case = Case(rig, outcome)
    began = time.monotonic()
    try:
        rig.heal()
        one.play(case)
        if outcome.recovered_seconds is None:
            case.settle()
        case.account()
    except Exception as error:
        outcome.problems.append(f"{type(error).__name__}: {error}".splitlines()[0])
        outcome.notes.append(traceback.format_exc(limit=-4) + rig.stack.tail())
    outcome.took_seconds = round(time.monotonic() - began, 1)
    return outcome
