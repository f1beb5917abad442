"""What a benchmark is: a name, the table it belongs to, and what fills that table's rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.rig import Rig

Spread = dict[str, float]
"""{"min": …, "median": …, "max": …} of several runs"""

Cell = str | float | Spread | None
Row = dict[str, Cell]
"""Heading to value. A heading names its unit: `messages_per_second`, `peak_mib`."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`run(rig, short)` measures `rig.runs` times; `short` only shows that it still works."""

    name: str
    group: str
    run: Callable[[Rig, bool], list[Row]]


def chosen(scenarios: Sequence[Scenario], words: str) -> list[Scenario]:
    """Those whose group and name hold the words as they stand; all where none are given."""
    wanted = words.lower()
    return [one for one in scenarios if wanted in f"{one.group}: {one.name}".lower()]
