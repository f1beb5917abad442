"""The whole stack with nothing to do: memory and CPU of each process, the servers left out."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from bench.processes import cpu_seconds, resident_mib, running
from bench.stack import environment_of, tree, web_process
from shared.settings import Settings

_ENGINE = ("worker", "control", "beat")


@dataclass(frozen=True, slots=True)
class Idle:
    """Per process (with what it forked): PSS in MiB and percent of one core."""

    pss_mib: Mapping[str, float]
    cpu_percent: Mapping[str, float]


def idle_stack(settings: Settings, *, settle_seconds: float, seconds: float) -> Idle:
    """Start everything, let it settle, look at it for `seconds`."""
    environment = environment_of(settings)
    with contextlib.ExitStack() as stack:
        leaders: dict[str, psutil.Process] = {}
        for name in ("api", "gateway"):
            leaders[name], _ = stack.enter_context(web_process(name, environment))
        for name in _ENGINE:
            leaders[name] = stack.enter_context(running(["deploy.cli", name], environment))
        time.sleep(settle_seconds)
        began = time.perf_counter()
        before = {name: cpu_seconds([leader]) for name, leader in leaders.items()}
        time.sleep(seconds)
        elapsed = time.perf_counter() - began
        return Idle(
            {name: resident_mib(tree(leader)) for name, leader in leaders.items()},
            {
                name: 100 * (cpu_seconds([leader]) - before[name]) / elapsed
                for name, leader in leaders.items()
            },
        )
