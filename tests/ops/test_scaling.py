"""Workers come and go during a campaign: nothing is lost or doubled, and the numbers stay right."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping

import httpx
import pytest

from tests.ops.conftest import Watched

CONTACTS = 800
NUMBERS = 8
SLOW, FAST = 8, 50  # messages a second
FOUR = ("worker", "worker-2", "worker-3", "worker-4")
ALONE = {"server": 1, "worker": 1, "control": 1, "beat": 1}
# Many small batches: whoever is free takes the next one.
SMALL = {"RAPIDFLOW_DELIVERY__BATCH_SIZE": "5", "RAPIDFLOW_DELIVERY__TASK_SIZE": "5"}


@pytest.fixture
def stack_variables() -> Mapping[str, str]:
    """What the stack of this module runs with besides."""
    return SMALL


def _pace(watched: Watched, per_second: int) -> None:
    with watched.factory.connect() as conn:
        conn.execute(
            "UPDATE plans SET messages_per_second = %s, burst_per_second = 50", (per_second,)
        )


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
def test_one_worker_then_four_then_one_lose_nothing_double_nothing_and_count_right(
    watched: Watched,
) -> None:
    prometheus, stack = watched.prometheus, watched.stack
    _pace(watched, SLOW)  # until all four are there, however long a start takes
    watched.sandbox.tune(latency_ms=50)
    names = watched.adopt(NUMBERS)
    people = [{"nome": "Ana", "telefone": f"119{61_000_000 + at}"} for at in range(CONTACTS)]
    stack.campaign(people, systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0, instances=names)
    prometheus.wait_for(lambda: sum(sent_by_process(watched).values()) > 0)

    for name in FOUR[1:]:
        stack.start(name, "worker")
    prometheus.wait_for(lambda: prometheus.services().get("worker") == 4)
    prometheus.wait_for(lambda: len([n for n in sent_by_process(watched).values() if n > 0]) == 4)

    for name in FOUR[:3]:  # also the one that was there first
        assert stack.stop(name) == 0
    status = "SELECT status FROM campaigns"
    assert watched.factory.value(status) == "running"
    _pace(watched, FAST)
    prometheus.wait_for(lambda: watched.factory.value(status) == "completed")

    counted = "SELECT sent, failed, in_doubt FROM campaign_counters"
    assert watched.factory.rows(counted) == [(CONTACTS, 0, 0)]
    received = Counter(entry["number"] for entry in watched.sandbox.ledger())
    assert len(received) == CONTACTS
    assert set(received.values()) == {1}

    prometheus.wait_for(lambda: list(prometheus.targets().values()) == ["up"] * 4)
    prometheus.wait_for(lambda: prometheus.services() == ALONE)
    prometheus.wait_for(lambda: prometheus.value('rapidflow:messages{status="sent"}') == CONTACTS)
    told_twice = 'max_over_time(sum(rapidflow_messages{status="sent"})[5m:1s])'
    assert prometheus.value(told_twice) == CONTACTS
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
