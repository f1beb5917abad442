"""Workers come and go during a campaign: speed follows, nothing is lost or doubled, and the numbers
stay right.

Two cores are busy with one worker already. So each worker gets a small share of one, as an
operator's CPU limit gives it: then workers are what is scarce, not cores, pace or calls in flight.
"""

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import httpx
import pytest

from tests.ops.conftest import Watched

CONTACTS = 8000
NUMBERS = 32
SHARE = 5  # per cent of a core, for each worker
WINDOW = 8  # seconds a speed is taken over
FOUR = ("worker", "worker-2", "worker-3", "worker-4")
ALONE = {"server": 1, "worker": 1, "control": 1, "beat": 1}
# Batches of one number each: whoever is free takes the next one, and has time for it.
SMALL = {
    "RAPIDFLOW_DELIVERY__BATCH_SIZE": "20",
    "RAPIDFLOW_DELIVERY__TASK_SIZE": "20",
    "RAPIDFLOW_DELIVERY__LEASE_SECONDS": "30",
    "RAPIDFLOW_DELIVERY__CALL_DEADLINE_SECONDS": "20",
}
SLOW, FREE = 2, 1000  # messages a second
SPEED = f'sum(rate(rapidflow_attempts_total{{service="worker", verdict="sent"}}[{WINDOW}s]))'
STATUS = "SELECT status FROM campaigns"


@pytest.fixture
def stack_variables() -> Mapping[str, str]:
    """What the stack of this module runs with besides."""
    return SMALL


def _pace(watched: Watched, per_second: float) -> None:
    with watched.factory.connect() as conn:
        conn.execute(
            "UPDATE plans SET messages_per_second = %s, burst_per_second = 1000,"
            " in_flight_per_instance = 10",
            (per_second,),
        )


@contextlib.contextmanager
def scarce(watched: Watched, cpulimit: str, workers: Sequence[str]) -> Iterator[None]:
    """Those workers get their share of a core and no more until the block ends."""
    limits = [
        subprocess.Popen(
            [cpulimit, f"--limit={SHARE}", f"--pid={watched.stack.processes[name].pid}"],
            stdout=subprocess.DEVNULL,
        )
        for name in workers
    ]
    try:
        yield
    finally:
        for limit in limits:
            limit.terminate()  # it lets its process go on
        for limit in limits:
            limit.wait(timeout=10)


def steady_speed(watched: Watched) -> float:
    """Messages a second, over a window that begins now."""
    begun = time.monotonic()
    watched.prometheus.wait_for(lambda: time.monotonic() > begun + WINDOW + 1)
    assert watched.factory.value(STATUS) == "running"  # else nothing is left to be fast with
    return watched.prometheus.value(SPEED)


def sent_by_process(watched: Watched) -> dict[str, int]:
    """Sends that Prometheus knows of by address, of living processes."""
    series = watched.prometheus.query(
        'sum by (instance) (rapidflow_attempts_total{service="worker", verdict="sent"})'
    )
    return {one["metric"]["instance"]: int(float(one["value"][1])) for one in series}


def sent_by_ended(watched: Watched) -> Iterator[int]:
    """Sends of processes that have ended, by their last line."""
    for path in sorted(watched.factory.settings.log_dir.glob("*-info.log")):
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            if entry["event"] == "ended" and entry["process"] == "worker":
                yield entry["attempts"].get("sent", 0)


@pytest.mark.timeout(300)
def test_one_worker_then_four_then_one_are_as_fast_lose_nothing_double_nothing_and_count_right(
    watched: Watched, tools: Mapping[str, str]
) -> None:
    prometheus, stack, cpulimit = watched.prometheus, watched.stack, tools["cpulimit"]
    _pace(watched, FREE)
    watched.sandbox.tune(latency_ms=50)
    names = watched.adopt(NUMBERS)
    people = [{"nome": "Ana", "telefone": f"119{61_000_000 + at}"} for at in range(CONTACTS)]
    with scarce(watched, cpulimit, FOUR[:1]):
        stack.campaign(
            people, systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0, instances=names
        )
        prometheus.wait_for(lambda: sum(sent_by_process(watched).values()) > 0)
        one = steady_speed(watched)

        _pace(watched, SLOW)  # however long a start takes, there is something left to send
        for name in FOUR[1:]:
            stack.start(name, "worker")
        prometheus.wait_for(lambda: prometheus.services().get("worker") == 4)
    with scarce(watched, cpulimit, FOUR):
        _pace(watched, FREE)
        prometheus.wait_for(
            lambda: len([n for n in sent_by_process(watched).values() if n > 0]) == 4
        )
        four = steady_speed(watched)

    _pace(watched, SLOW)
    for name in FOUR[:3]:  # also the one that was there first
        assert stack.stop(name) == 0
    with scarce(watched, cpulimit, FOUR[3:]):
        _pace(watched, FREE)
        one_again = steady_speed(watched)
    assert four > 2 * one
    assert four > 2 * one_again
    prometheus.wait_for(lambda: watched.factory.value(STATUS) == "completed")

    counted = "SELECT sent, failed, in_doubt FROM campaign_counters"
    assert watched.factory.rows(counted) == [(CONTACTS, 0, 0)]
    received = Counter(entry["number"] for entry in watched.sandbox.ledger())
    assert len(received) == CONTACTS
    assert set(received.values()) == {1}

    prometheus.wait_for(lambda: list(prometheus.targets().values()) == ["up"] * 4)
    prometheus.wait_for(lambda: prometheus.services() == ALONE)
    prometheus.wait_for(lambda: prometheus.value('rapidflow:messages{status="sent"}') == CONTACTS)
    told_twice = 'max_over_time(sum(rapidflow_messages{status="sent"})[5m:1s])'
    prometheus.wait_for(lambda: prometheus.value(told_twice) == CONTACTS)  # never above it
    assert prometheus.value('sum(rapidflow_messages{status=~"pending|leased|sending"})') == 0
    _assert_all_counted(watched)


def _assert_all_counted(watched: Watched) -> None:
    """Every send is counted by one process, whether it lives or not; the database agrees."""
    (living,) = watched.prometheus.query('up{service="worker"} == 1')
    text = httpx.get(f"http://{living['metric']['instance']}/metrics", timeout=10).text
    by_living = sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("rapidflow_attempts_total{") and 'verdict="sent"' in line
    )
    ended = list(sent_by_ended(watched))
    assert len(ended) == 3
    assert by_living + sum(ended) == CONTACTS
    assert watched.factory.value("SELECT count(*) FROM attempts WHERE verdict = 'sent'") == CONTACTS
