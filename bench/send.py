"""Send throughput beside a bare client loop; the headline load beside the naive design too."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bench import naive_send, product, reference
from bench.figures import at_least, at_most, spread
from bench.load import Load
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.watching import Figure

_GROUP = "Send throughput"
_BESIDE_NAIVE = "Beside the naive design"
_LOADS = tuple(
    Load(campaigns, contacts, 2 if latency else 50, latency)
    for latency in (0.0, 0.3)
    for campaigns, contacts in ((1, 1000), (10, 200), (50, 200), (200, 200))
)
_HEADLINE = Load(50, 200, 50, 0.0)
_NAIVE = replace(_HEADLINE, contacts=40)  # its rate is the same for the tenth of the time
_SHORT = Load(3, 20, 5, 0.0)


def _send(load: Load, rig: Rig, short: bool) -> list[Row]:
    if short and load is not _LOADS[0]:
        return []  # the first shows that all of them work
    load = _SHORT if short else load
    bare, ours = [], []
    for _ in rig.rounds(load.name):
        bare.append(reference.bare_client(load))
        ours.append(product.send(rig, load))
    return [_row(load.name, ours, bare, load)]


def _beside_naive(rig: Rig, short: bool) -> list[Row]:
    """One worker, two workers and the naive design, by turns."""
    one, naive = (_SHORT, _SHORT) if short else (_HEADLINE, _NAIVE)
    two = replace(one, workers=2)
    bare, ours, ours_twice, theirs = [], [], [], []
    for _ in rig.rounds(f"{one.name}, and the naive design"):
        bare.append(reference.bare_client(one))
        ours.append(product.send(rig, one))
        theirs.append(naive_send.send(rig, naive))
        ours_twice.append(product.send(rig, two))
    rows = [
        _row(f"{one.name}, 1 worker", ours, bare, one),
        _row(f"{two.name}, 2 workers", ours_twice, bare, two),
        _row(f"naive, {naive.name}", theirs, bare, naive),
    ]
    first, second, slow = (_median(figures) for figures in (ours, ours_twice, theirs))
    rows[0] |= {
        "of_naive": first / slow,
        "bars": f"rate {at_least(first, 2000)}; of naive {at_least(first / slow, 8)}; "
        f"CPU {at_most(spread([one.cpu_milliseconds for one in ours])['median'], 0.8)}",
    }
    rows[1] |= {
        "of_naive": second / slow,
        "bars": f"of one worker {at_least(second / first, 0.95)}",
    }
    return rows


def _median(figures: Sequence[Figure]) -> float:
    return spread([figure.steady_per_second for figure in figures])["median"]


def _row(name: str, figures: Sequence[Figure], bare: Sequence[float], load: Load) -> Row:
    """One line of the table; ratios are of medians."""
    steady = spread([figure.steady_per_second for figure in figures])
    beside = spread(bare)
    row: Row = {
        "load": name,
        "messages_per_second": steady,
        "cpu_ms_per_message": spread([figure.cpu_milliseconds for figure in figures]),
        "of_it_servers": spread([figure.servers_milliseconds for figure in figures]),
        "peak_mib": max(figure.peak_mib for figure in figures),
        "bare_client_per_second": beside,
        "of_bare_client": steady["median"] / beside["median"],
    }
    if load.allowed_per_second:
        row["of_allowed"] = steady["median"] / load.allowed_per_second
        if load.campaigns == 50:
            row["bars"] = f"of allowed {at_least(row['of_allowed'], 0.9)}"
    return row


SCENARIOS = (
    Scenario(_HEADLINE.name, _BESIDE_NAIVE, _beside_naive),
    *(Scenario(load.name, _GROUP, partial(_send, load)) for load in _LOADS),
)
