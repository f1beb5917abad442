"""`make scaling`: docs/scaling.md's figures from the measured costs, and the simulations beside
them. Other costs (another machine's `make bench`) are given as options.
"""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from bench.scaling_model import DAY, Writer, day, group_commit

_DAILY = (10e6, 100e6, 1e9)
_OF_A_CORE = 0.6  # planned for: the rest is for reads, vacuum, checkpoints and bad minutes
_OUTAGE = (10.0, 11.0)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="scaling", description=__doc__)
    parser.add_argument(
        "--engine-ms", type=float, default=0.28, help="CPU a message, our processes"
    )
    parser.add_argument("--servers-ms", type=float, default=0.12, help="CPU a message, servers")
    parser.add_argument(
        "--receipt-ms", type=float, default=1.42, help="CPU a webhook, all processes"
    )
    parser.add_argument("--receipts", type=float, default=3.0, help="webhooks a message")
    parser.add_argument("--worker-rate", type=float, default=3700, help="messages/s of one worker")
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(_needs(given))
    console.print(_outage())
    console.print(_disks())
    return 0


def _needs(given: argparse.Namespace) -> Table:
    table = Table(
        *("messages a day", "at the peak/s", "webhooks/s", "engine cores", "server cores"),
        *("webhook cores", "workers", "numbers at 30 s"),
        title="What the busiest hour needs",
    )
    for daily in _DAILY:
        peak = daily * max(DAY) / sum(DAY) / 3600
        webhooks = peak * given.receipts
        table.add_row(
            *(f"{value:,.0f}" for value in (daily, peak, webhooks)),
            *(
                f"{rate * cost / 1000 / _OF_A_CORE:,.1f}"
                for rate, cost in (
                    (peak, given.engine_ms),
                    (peak, given.servers_ms),
                    (webhooks, given.receipt_ms),
                )
            ),
            f"{-(-peak // (given.worker_rate * _OF_A_CORE)):,.0f}",
            f"{peak * 30:,.0f}",
        )
    return table


def _outage() -> Table:
    table = Table(
        *("spare capacity", "usual peak", "most waiting", "drained after"),
        title=f"A day with an outage from {_OUTAGE[0]:.0f} to {_OUTAGE[1]:.0f} o'clock",
    )
    daily = 100e6
    peak = daily * max(DAY) / sum(DAY) / 3600
    for capacity in (1.1, 1.5, 2.0):
        usual = day(messages=daily, capacity_per_second=peak * capacity)
        result = day(messages=daily, capacity_per_second=peak * capacity, outage_hours=_OUTAGE)
        table.add_row(
            f"{capacity - 1:.0%} over the peak",
            f"{usual.busiest_share:.0%}",
            f"{result.most_waiting / daily:.0%} of the day's messages",
            f"{result.drained_after_seconds / 3600:.1f} h",
        )
    return table


def _disks() -> Table:
    table = Table(
        *("commit", "calls at once", "provider", "messages/s", "a commit holds", "waiting"),
        title="One worker's two writers",
    )
    for commit_ms in (0.5, 2.0, 10.0):
        for calls, latency in ((100, 0.0), (100, 0.3), (1000, 0.3), (4000, 1.0)):
            result = group_commit(
                calls=calls,
                latency_seconds=latency,
                begin=Writer(0.001 + commit_ms / 1000, 0.00008),
                verdict=Writer(0.002 + commit_ms / 1000, 0.00015),
                messages=20_000,
            )
            table.add_row(
                f"{commit_ms:g} ms",
                f"{calls:,}",
                f"{latency * 1000:.0f} ms",
                f"{result.per_second:,.0f}",
                f"{result.begun_at_once:.0f}",
                f"{result.waiting_seconds * 1000:.0f} ms",
            )
    return table


if __name__ == "__main__":
    sys.exit(main())
