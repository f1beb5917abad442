"""Prometheus' own tools, and a stack that tells where it is scraped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.end_to_end.stack import Stack, running_stack
from tests.factories import Factory
from tests.ops.debian import find_tools
from tests.ops.prometheus import Prometheus, running_prometheus
from tests.sandbox_process import Sandbox


@pytest.fixture(scope="session")
def tools() -> Mapping[str, str]:
    """Paths of `prometheus`, `promtool` and `cpulimit`."""
    return find_tools()


@pytest.fixture(scope="session")
def promtool(tools: Mapping[str, str]) -> str:
    """The path of promtool."""
    return tools["promtool"]


@dataclass(frozen=True)
class Watched:
    """A running installation and the Prometheus that watches it."""

    stack: Stack
    prometheus: Prometheus
    factory: Factory
    sandbox: Sandbox
    targets: Path

    def adopt(self, count: int) -> list[str]:
        """So many open numbers; their names."""
        names = [f"loja-{self.factory.settings.environment}-{at}" for at in range(count)]
        for name in names:
            self.sandbox.create_instance(name)
            answer = self.stack.client.post("/api/instances", json={"name": name, "adopt": True})
            assert answer.status_code == 201, answer.text
        return names


@pytest.fixture
def stack_variables() -> Mapping[str, str]:
    """What the stack runs with besides; a module may have its own."""
    return {}


@pytest.fixture
def watched(
    settings_for: Callable[..., Settings],
    sandbox: Sandbox,
    tools: Mapping[str, str],
    tmp_path: Path,
    stack_variables: Mapping[str, str],
) -> Iterator[Watched]:
    """server, worker, control and beat, a generous plan, and Prometheus beside them."""
    binary = tools["prometheus"]
    with _watched(settings_for(), sandbox, binary, tmp_path, stack_variables) as running:
        yield running


@contextmanager
def _watched(
    settings: Settings,
    sandbox: Sandbox,
    binary: str,
    folder: Path,
    variables: Mapping[str, str],
) -> Iterator[Watched]:
    logs, targets = folder / "output", folder / "targets"
    logs.mkdir()
    told = {**variables, "RAPIDFLOW_METRICS_TARGETS": str(targets)}
    with running_stack(settings, sandbox, logs, told) as stack:
        with Factory(settings).connect() as conn:
            conn.execute("UPDATE plans SET messages_per_second = 200, requests_per_minute = 100000")
        with running_prometheus(binary, targets, folder / "prometheus") as prometheus:
            yield Watched(stack, prometheus, Factory(settings), sandbox, targets)
