"""The whole stack with nothing to do: memory and CPU of each process, the servers left out."""

import contextlib
import time
from collections.abc import Mapping

import psutil

from bench.figures import at_most, spread
from bench.processes import cpu_seconds, resident_mib, running
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.web import web_process
from shared.settings import Settings
from tests.variables import environment_of

_GROUP = "Idle stack"
_ENGINE = ("worker", "control", "beat")
_WHOLE = "all of it"
_SETTLE_SECONDS, _LOOK_SECONDS = 10.0, 20.0
_MOST_MEGABYTES, _MOST_PERCENT = 450.0, 4.0

Looked = Mapping[str, tuple[float, float]]
"""process to (PSS in megabytes, percent of one core), whatever it forked included"""


def _idle(rig: Rig, short: bool) -> list[Row]:
    settle, seconds = (0.5, 1.0) if short else (_SETTLE_SECONDS, _LOOK_SECONDS)
    looks = [_look(rig.settings(), settle, seconds) for _ in rig.rounds("idle stack")]
    return [_row(name, looks) for name in looks[0]]


def _look(settings: Settings, settle_seconds: float, seconds: float) -> Looked:
    """Start everything, let it settle, look at it for `seconds`."""
    environment = environment_of(settings)
    with contextlib.ExitStack() as stack:
        leaders: dict[str, psutil.Process] = {}
        for name in _ENGINE:
            leaders[name] = stack.enter_context(running(["deploy.cli", name], environment))
        for name in ("api", "gateway"):
            leaders[name], _ = stack.enter_context(web_process(name, settings))
        time.sleep(settle_seconds)
        began = time.perf_counter()
        before = {name: cpu_seconds([leader]) for name, leader in leaders.items()}
        time.sleep(seconds)
        share = 100 / (time.perf_counter() - began)
        spent = {name: cpu_seconds([leaders[name]]) - before[name] for name in leaders}
        looked = {
            name: (resident_mib([leader]) * 2**20 / 1e6, share * spent[name])
            for name, leader in leaders.items()
        }
    whole = [sum(parts) for parts in zip(*looked.values(), strict=True)]
    return {**looked, _WHOLE: (whole[0], whole[1])}


def _row(name: str, looks: list[Looked]) -> Row:
    memory = spread([look[name][0] for look in looks])
    cpu = spread([look[name][1] for look in looks])
    row: Row = {"process": name, "pss_mb": memory, "cpu_percent_of_a_core": cpu}
    row["memory_bar"] = row["cpu_bar"] = None
    if name == _WHOLE:
        row["memory_bar"] = at_most(memory["median"], _MOST_MEGABYTES)
        row["cpu_bar"] = at_most(cpu["median"], _MOST_PERCENT)
    return row


SCENARIOS = (Scenario("api, gateway, worker, control, beat", _GROUP, _idle),)
