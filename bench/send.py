"""Send throughput beside a bare client loop and, for the headline load, the naive design."""

from functools import partial

from bench import product, reference
from bench.figures import spread
from bench.load import Load
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.watching import Figure

_GROUP = "Send throughput"
_SHORT = Load(3, 20, 5, 0.0)
_LOADS = tuple(
    Load(campaigns, contacts, 2 if latency else 50, latency)
    for latency in (0.0, 0.3)
    for campaigns, contacts in ((1, 1000), (10, 200), (50, 200), (200, 200))
)


def _send(load: Load, rig: Rig, short: bool) -> list[Row]:
    if short and load != _LOADS[0]:
        return []  # the first shows that all of them work
    load = _SHORT if short else load
    bare, ours = [], []
    for _ in rig.rounds(load.name):
        bare.append(reference.bare_client(load))
        ours.append(product.send(rig, load))
    return [row_of(load.name, ours, bare, load)]


def row_of(name: str, ours: list[Figure], bare: list[float], load: Load) -> Row:
    """One line of the table; ratios are of medians."""
    steady = spread([figure.steady_per_second for figure in ours])
    cpu = spread([figure.cpu_milliseconds for figure in ours])
    beside = spread(bare)
    row: Row = {
        "load": name,
        "messages_per_second": steady,
        "cpu_ms_per_message": cpu,
        "peak_mib": max(figure.peak_mib for figure in ours),
        "bare_client_per_second": beside,
        "of_bare_client": steady["median"] / beside["median"],
        "of_allowed": None,
    }
    if load.allowed_per_second:
        row["of_allowed"] = steady["median"] / load.allowed_per_second
    return row


SCENARIOS = tuple(Scenario(load.name, _GROUP, partial(_send, load)) for load in _LOADS)
