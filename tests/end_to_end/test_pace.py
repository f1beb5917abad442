"""The pace at the provider, by its own clock: the rate, and the ceilings of a second and a minute.

Two installations run side by side, each with two worker processes and the default plan: one is left
alone and measured, in the other workers are stopped and killed.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.end_to_end.stack import Stack, running_stack
from tests.factories import Factory
from tests.sandbox_process import Sandbox

PER_SECOND = 2.0
PER_MINUTE = 120
BURST = 10
MEASURED = 200

# A dead worker's work comes back sooner than a minute later; all that paces is as delivered.
TIMES = {
    "RAPIDFLOW_DELIVERY__LEASE_SECONDS": "12",
    "RAPIDFLOW_DISPATCH__LOOKAHEAD_SECONDS": "5",
}


class Sender:
    """An installation with two workers; its campaigns are found in the ledger by their numbers."""

    _series = itertools.count(1)

    def __init__(self, stack: Stack, sandbox: Sandbox, name: str) -> None:
        self.stack = stack
        self.sandbox = sandbox
        self.name = name
        stack.start("worker-2", "worker")

    def campaign(self, contacts: int, instances: int) -> "Sent":
        """A campaign without a delay of its own over so many numbers."""
        series = next(self._series)
        names = [f"{self.name}-{series}-{at}" for at in range(instances)]
        for name in names:
            self.sandbox.create_instance(name)
            answer = self.stack.client.post("/api/instances", json={"name": name, "adopt": True})
            assert answer.status_code == 201, answer.text
        people = [
            {"nome": "Ana", "telefone": f"119{60_000_000 + series * 10_000 + at}"}
            for at in range(contacts)
        ]
        created = self.stack.campaign(
            people, systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0, instances=names
        )
        return Sent(self, created["campaign"]["campaign_id"], names, contacts)


class Sent:
    """A campaign as the provider saw it."""

    def __init__(self, sender: Sender, reference: str, names: list[str], contacts: int) -> None:
        self.sender = sender
        self.reference = reference
        self.names = names
        self.contacts = contacts

    def instants(self) -> list[float]:
        """When each message was handed over, in seconds, rising."""
        rows = itertools.chain.from_iterable(map(self.sender.sandbox.ledger, self.names))
        return sorted(datetime.fromisoformat(row["at"]).timestamp() for row in rows)

    def wait_for(self, count: int, *, seconds: float) -> None:
        """Until so many were handed over."""
        until = time.monotonic() + seconds
        while len(self.instants()) < count:
            assert time.monotonic() < until, self.sender.stack.tail()
            time.sleep(0.25)

    def assert_sent_once_each(self) -> None:
        rows = list(itertools.chain.from_iterable(map(self.sender.sandbox.ledger, self.names)))
        numbers = [row["number"] for row in rows]
        assert len(numbers) == len(set(numbers))
        metrics = self.sender.stack.metrics(self.reference)
        assert metrics["sent_count"] == len(numbers)
        assert metrics["sent_count"] + metrics["in_doubt_count"] == self.contacts


def rate(instants: Sequence[float]) -> float:
    """Messages a second from the first to the last: so many gaps in so much time."""
    return (len(instants) - 1) / (instants[-1] - instants[0])


def most_in(instants: Sequence[float], seconds: float) -> int:
    """The largest number in any half-open window of that length."""
    first = most = 0
    for at, instant in enumerate(instants):
        while instants[first] <= instant - seconds:
            first += 1
        most = max(most, at - first + 1)
    return most


def assert_within_ceilings(instants: Sequence[float]) -> None:
    assert most_in(instants, 1) <= BURST
    assert most_in(instants, 60) <= PER_MINUTE


@pytest.fixture
def senders(
    settings_for: Callable[..., Settings],
    other_database_url: str,
    sandbox: Sandbox,
    tmp_path: Path,
) -> Iterator[tuple[Sender, Sender]]:
    """(left alone, disturbed)."""
    with contextlib.ExitStack() as opened:
        made = []
        for name, over in (("calm", {}), ("rough", {"database_url": other_database_url})):
            folder = tmp_path / name
            folder.mkdir()
            settings = settings_for(data_dir=folder / "data", log_dir=folder / "logs", **over)
            stack = opened.enter_context(running_stack(settings, sandbox, folder, TIMES))
            with Factory(settings).connect() as conn:  # asked often; the pace stays the default
                conn.execute("UPDATE plans SET requests_per_minute = 100000")
            made.append(Sender(stack, sandbox, f"{name}-{settings.environment}"))
        yield made[0], made[1]


def test_two_workers_keep_the_rate_and_the_ceilings_hold_whatever_happens_to_them(
    senders: tuple[Sender, Sender],
) -> None:
    calm, rough = senders
    single, pair = calm.campaign(MEASURED + 1, 1), calm.campaign(MEASURED + 1, 2)
    over_one, over_six = rough.campaign(160, 1), rough.campaign(160, 6)

    over_six.wait_for(20, seconds=30)
    workers = [rough.stack.processes[name].pid for name in ("worker", "worker-2")]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    over_six.wait_for(60, seconds=60)
    rough.stack.kill("worker-2")
    for disturbed in (over_six, over_one):
        rough.stack.wait_over(disturbed.reference, seconds=130)
        disturbed.assert_sent_once_each()
        assert_within_ceilings(disturbed.instants())

    for campaign in (single, pair):
        calm.stack.wait_over(campaign.reference, seconds=120)
        campaign.assert_sent_once_each()
        assert_within_ceilings(campaign.instants())
        measured = campaign.instants()[1:]
        assert len(measured) == MEASURED
        assert rate(measured) == pytest.approx(PER_SECOND, rel=0.02)
