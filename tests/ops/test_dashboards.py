"""A real Prometheus scrapes every process of a running stack; every panel has something to show."""

import json
import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.contact_file import read_contact_file
from deploy.local.ports import free_port
from deploy.sample import sample_file
from tests.ops.conftest import Watched

DASHBOARDS = sorted(Path("deploy/grafana/dashboards").glob("*.json"))


def queries(dashboard: Path) -> Iterator[tuple[str, str]]:
    """(panel, query) with Grafana's variables filled in."""
    panels: list[dict[str, Any]] = json.loads(dashboard.read_text("utf-8"))["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def shows_something(watched: Watched, query: str) -> bool:
    values = [float(one["value"][1]) for one in watched.prometheus.query(query)]
    return any(not math.isnan(value) for value in values)


@pytest.mark.timeout(300)
def test_every_process_is_scraped_and_every_panel_shows_the_sample_campaign(
    watched: Watched, promtool: str
) -> None:
    # Beside `server`, as in production; the API with two workers, whose figures are added up.
    watched.stack.start("api", "api", PORT=str(free_port()), RAPIDFLOW_HTTP__WORKERS="2")
    watched.stack.start("gateway", "gateway", PORT=str(free_port()))
    everyone = {"server": 1, "worker": 1, "control": 1, "beat": 1, "api": 1, "gateway": 1}
    watched.prometheus.wait_for(lambda: watched.prometheus.services() == everyone)
    sent = _send_sample(watched)
    assert sent > 0
    watched.prometheus.wait_for(
        lambda: watched.prometheus.value('rapidflow:messages{status="sent"}') == sent
    )
    missing = list(_silent(watched))
    until = time.monotonic() + 60  # rates need a second scrape, recorded ones a third
    while missing and time.monotonic() < until:
        time.sleep(1)
        missing = list(_silent(watched))
    assert missing == []
    assert watched.prometheus.query('ALERTS{alertstate="firing"}') == []
    _assert_conventional(watched, promtool)
    for name in list(watched.stack.processes):
        watched.stack.stop(name)
    assert list(watched.targets.glob("*.json")) == []  # nobody who ended in peace is missed


def _send_sample(watched: Watched) -> int:
    """How many were sent; some of the list's numbers are wrong on purpose."""
    watched.adopt(1)
    with watched.factory.connect() as conn:  # so that it lasts for several scrapes
        conn.execute("UPDATE plans SET messages_per_second = 8")
    contacts = read_contact_file(sample_file()).rows
    watched.stack.campaign(contacts, systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0)
    status = "SELECT status FROM campaigns"
    watched.prometheus.wait_for(lambda: watched.factory.value(status) == "completed")
    return int(str(watched.factory.value("SELECT sent FROM campaign_counters")))


def _silent(watched: Watched) -> Iterator[str]:
    for dashboard in DASHBOARDS:
        for panel, query in queries(dashboard):
            if not shows_something(watched, query):
                yield f"{dashboard.stem}: {panel}: {query}"


def _assert_conventional(watched: Watched, promtool: str) -> None:
    """`promtool check metrics` has nothing to say of what any process tells."""
    for address in watched.prometheus.targets():
        text = httpx.get(f"http://{address}/metrics", timeout=10).text
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert done.stdout + done.stderr == "", address


def test_there_are_three_dashboards_and_each_asks_for_something() -> None:
    assert [path.stem for path in DASHBOARDS] == [
        "rapidflow-business",
        "rapidflow-engine",
        "rapidflow-infrastructure",
    ]
    assert all(len(list(queries(path))) >= 10 for path in DASHBOARDS)
