"""What a message costs, and how long reads take, beside few and beside many finished messages.

Databases of both sizes are on one server and measured by turns.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import httpx

from bench.figures import at_most, percentile, spread
from bench.history import grown_ground, small_ground
from bench.load import Ground, Load, make_campaigns
from bench.product import send
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.web import api_key, web_process
from shared.db import dispatch, messages
from shared.db.dispatch import FreedLane
from shared.db.pool import connection
from shared.domain.breaker import BreakerState
from shared.domain.delivery import Receipt, sent
from shared.queue.payloads import LeasedBatch
from tests.factories import Factory
from worker import dispatching
from worker.completion import finish
from worker.deps import Deps, open_deps

_LOAD, _SHORT = Load(50, 200, 50, 0.0), Load(2, 20, 5, 0.0)
_MIDDLE = 1_000_000
_BAR = 1.25
_BATCH = 50
_PATHS = {
    "metrics": "/api/campaigns/{}/metrics",
    "performance": "/api/campaigns/{}/performance",
    "dashboard": "/api/campaigns/dashboard",
    "list": "/api/campaigns?limit=20",
}

Grounds = dict[int, Ground]
"""Databases by the number of their messages."""


def _grounds(rig: Rig, load: Load) -> Grounds:
    """Made once for all scenarios of a run."""
    if not rig.kept:
        small = small_ground(rig, load)
        rig.kept[load.messages] = small
        for rows in sorted({min(_MIDDLE, rig.rows), rig.rows}):
            rig.kept[rows] = grown_ground(rig, small, rows)
    return rig.kept


def _cost(rig: Rig, short: bool) -> list[Row]:
    """The engine on the smallest and on the largest, by turns; then its statements one by one."""
    load = _SHORT if short else _LOAD
    grounds = _grounds(rig, load)
    few, many = min(grounds), max(grounds)
    figures: dict[int, list[float]] = {few: [], many: []}
    rates: dict[int, list[float]] = {few: [], many: []}
    for _ in rig.rounds(f"{load.name} beside {few:,} and {many:,} messages"):
        for rows in (few, many):
            figure = send(rig, load, grounds[rows])
            figures[rows].append(figure.cpu_milliseconds)
            rates[rows].append(figure.steady_per_second)
    rows = [
        _compared("CPU of engine and servers, ms a message", figures, few, many),
        _compared("messages a second", rates, few, many),
    ]
    with rig.doing("statement by statement"):
        steps = _steps(rig, {few: grounds[few], many: grounds[many]}, times=2 if short else 40)
    return rows + [
        _compared(f"{name}, ms a batch of {_BATCH}", taken, few, many)
        for name, taken in steps.items()
    ]


def _compared(what: str, values: dict[int, list[float]], few: int, many: int) -> Row:
    low, high = spread(values[few]), spread(values[many])
    ratio = high["median"] / low["median"]
    row: Row = {"measure": what, f"beside_{few}": low, f"beside_{many}": high, "ratio": ratio}
    if what.startswith("CPU"):
        row["bars"] = at_most(ratio, _BAR)
    return row


def _steps(rig: Rig, grounds: Grounds, times: int) -> dict[str, dict[int, list[float]]]:
    """Milliseconds of each step of a batch, by size; the first of each is a warm-up."""
    taken: dict[str, dict[int, list[float]]] = {}
    with contextlib.ExitStack() as stack:
        deps = {}
        for rows, ground in grounds.items():
            settings = rig.settings(database_url=ground.database_url)
            deps[rows] = open_deps(settings, name="bench")
            stack.callback(deps[rows].close)
        for number in range(times + 1):
            for rows, ground in grounds.items():
                for name, milliseconds in _batch(deps[rows], ground):
                    if number:
                        taken.setdefault(name, {}).setdefault(rows, []).append(milliseconds)
    return taken


def _batch(deps: Deps, ground: Ground) -> Iterator[tuple[str, float]]:
    """One campaign from dispatch to its end, in this process: (step, milliseconds)."""
    make_campaigns(
        Factory(deps.settings), replace(ground, instances=ground.instances[:1]), 1, _BATCH
    )
    batches: list[LeasedBatch] = []
    yield "dispatch", _timed(lambda: dispatching.dispatch(deps, batches.extend))
    (batch,) = batches
    lease = batch.lease_id
    found: list[messages.LeasedMessage] = []
    with connection(deps.pool) as conn:
        yield (
            "load",
            _timed(
                lambda: (
                    dispatch.load_lanes(conn, batch.lanes, lease),
                    found.extend(messages.load_leased(conn, lease, batch.messages)),
                )
            ),
        )
    wanted = [(message, lease) for message in found]
    open_seconds = deps.open_seconds
    with connection(deps.pool) as conn:
        yield (
            "begin",
            _timed(
                lambda: messages.begin_attempts(
                    conn, wanted, hash_phone=deps.hash_phone, open_seconds=open_seconds
                )
            ),
        )
    verdicts = [
        (
            messages.OpenAttempt(one.tenant_id, one.campaign_id, one.position, lease, 1),
            sent(Receipt(f"3EB0{random.getrandbits(72):018X}", ""), duration_seconds=0.01),
        )
        for one in found
    ]
    settled: list[messages.Settlement] = []
    quiet = deps.quiet_seconds
    with connection(deps.pool) as conn:
        yield (
            "verdict",
            _timed(
                lambda: settled.append(
                    messages.record_verdicts(conn, verdicts, quiet_seconds=quiet)
                )
            ),
        )
    closed = BreakerState.CLOSED.value
    with connection(deps.pool) as conn:
        dispatch.free_lanes(
            conn, [FreedLane(one, lease, closed, 0, 0, 0.0, None) for one in batch.lanes]
        )
    finish(deps.pool, settled[0].done)


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - began)


def _reads(rig: Rig, short: bool) -> list[Row]:
    """p95 of what people look at, asked of an API process for each size, by turns."""
    grounds = _grounds(rig, _SHORT if short else _LOAD)
    times = 5 if short else 300
    seconds: dict[str, dict[int, list[float]]] = {name: {} for name in _PATHS}
    with contextlib.ExitStack() as stack:
        clients = {
            rows: stack.enter_context(_asking(rig, ground)) for rows, ground in grounds.items()
        }
        ids = {rows: _campaign_ids(rig, ground) for rows, ground in grounds.items()}
        with rig.doing(f"reads beside {', '.join(f'{rows:,}' for rows in grounds)} messages"):
            for number in range(-times // 10, times):
                for name, path in _PATHS.items():
                    for rows, client in clients.items():
                        address = path.format(random.choice(ids[rows]))  # noqa: S311  any of them
                        began = time.perf_counter()
                        client.get(address).raise_for_status()
                        if number >= 0:
                            taken = time.perf_counter() - began
                            seconds[name].setdefault(rows, []).append(1000 * taken)
    return [_read_row(name, by_rows) for name, by_rows in seconds.items()]


def _read_row(name: str, milliseconds: dict[int, list[float]]) -> Row:
    row: Row = {"read": name}
    p95 = {rows: percentile(values, 0.95) for rows, values in milliseconds.items()}
    for rows, value in p95.items():
        row[f"p95_ms_beside_{rows}"] = value
        row[f"median_ms_beside_{rows}"] = percentile(milliseconds[rows], 0.5)
    row["ratio_of_p95"] = p95[max(p95)] / p95[min(p95)]
    row["bars"] = at_most(row["ratio_of_p95"], _BAR)
    return row


@contextlib.contextmanager
def _asking(rig: Rig, ground: Ground) -> Iterator[httpx.Client]:
    """An API process on this database, and the key of somebody it belongs to."""
    settings = rig.settings(database_url=ground.database_url)
    headers = {"X-API-Key": api_key(Factory(settings), ground.tenant)}
    with (
        web_process("api", settings) as (_, port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
    ):
        yield client


def _campaign_ids(rig: Rig, ground: Ground) -> Sequence[int]:
    factory = Factory(rig.settings(database_url=ground.database_url))
    query = "SELECT campaign_id FROM campaigns WHERE tenant_id = %s AND status = 'completed'"
    return [int(str(row[0])) for row in factory.rows(query, ground.tenant.tenant_id)]


SCENARIOS = (
    Scenario("cost of a message", "Growth: cost of a message", _cost),
    Scenario("reads", "Growth: reads", _reads),
)
