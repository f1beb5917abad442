"""`make bench`: what RapidFlow does beside what it could do, measured in the same run.

One table for each group of scenarios and everything as JSON. Figures are one machine's at one
moment: read the ratios.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import shown
from bench.machine import facts
from bench.registry import SCENARIOS
from bench.rig import running_rig
from bench.scenario import Row, chosen

_SHORT_ROWS = 2_000


def main() -> int:
    """Run what was asked for; exit 0 when all of it was measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default="", help="words of a scenario's group and name")
    parser.add_argument("--runs", type=int, default=3, help="of each measurement (3)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the larger database")
    parser.add_argument("--short", action="store_true", help="small and once: does it still work?")
    parser.add_argument("--list", action="store_true", help="print the scenarios and do nothing")
    parser.add_argument("--out", type=Path, default=Path("bench/results"))
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=170)
    wanted = chosen(SCENARIOS, given.only)
    if given.list or not wanted:
        for one in SCENARIOS:
            console.print(f"{one.group}: {one.name}", highlight=False)
        return 0 if wanted else 2
    runs, rows = (1, _SHORT_ROWS) if given.short else (given.runs, given.rows)
    results: dict[str, list[Row]] = {}
    began = time.monotonic()
    with running_rig(runs, console, rows=rows) as rig:
        for one in wanted:
            results.setdefault(one.group, []).extend(one.run(rig, given.short))
    _show(results, console)
    _write(results, given.out, console, short=given.short, seconds=time.monotonic() - began)
    return 0


def _show(results: Mapping[str, Sequence[Row]], console: Console) -> None:
    for group, rows in results.items():
        heads = list(dict.fromkeys(head for row in rows for head in row))
        table = Table(*(head.replace("_", " ") for head in heads), title=group)
        for row in rows:
            table.add_row(*(shown(row.get(head)) for head in heads))
        console.print(table)


def _write(
    results: Mapping[str, Sequence[Row]],
    out: Path,
    console: Console,
    *,
    short: bool,
    seconds: float,
) -> None:
    now = datetime.now(UTC)
    report = {
        "at": now.isoformat(timespec="seconds"),
        "short": short,
        "took_seconds": round(seconds),
        "machine": facts(),
        "results": results,
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False), "utf-8")
    console.print(f"Written to {path}")


if __name__ == "__main__":
    sys.exit(main())
