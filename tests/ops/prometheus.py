"""A Prometheus of the test's own: our scrape configuration, on loopback, in a folder of its own."""

import contextlib
import math
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.local.ports import free_port

RULES = Path("deploy/prometheus/rules").absolute()
LOCAL = Path("deploy/prometheus/local.yml")


@dataclass
class Prometheus:
    """A running one; `scrape_seconds` is its interval."""

    client: httpx.Client
    scrape_seconds: float

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query: `{metric: labels, value: [at, text]}`."""
        answer = self.client.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def value(self, expression: str) -> float:
        """The one number an expression gives; NaN where it gives none."""
        series = self.query(expression)
        assert len(series) <= 1, series
        return float(series[0]["value"][1]) if series else math.nan

    def targets(self) -> dict[str, str]:
        """Health (`up`, `down`, `unknown`) by address."""
        answer = self.client.get("/api/v1/targets", params={"state": "active"}).json()
        return {one["labels"]["instance"]: one["health"] for one in answer["data"]["activeTargets"]}

    def services(self) -> dict[str, int]:
        """How many processes of each kind answer."""
        series = self.query("sum by (service) (up)")
        return {one["metric"]["service"]: int(one["value"][1]) for one in series}

    def wait_for(self, met: Callable[[], bool], *, seconds: float = 90) -> None:
        """Until it is so; processes take long to start on a busy machine."""
        until = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < until, (self.services(), self.targets())
            time.sleep(self.scrape_seconds / 4)


@contextlib.contextmanager
def running_prometheus(
    binary: str, targets: Path, folder: Path, *, scrape_seconds: float = 1.0
) -> Iterator[Prometheus]:
    """Scrapes whoever announces itself in `targets`; gone when the block ends."""
    config = yaml.safe_load(LOCAL.read_text("utf-8"))
    interval = f"{int(scrape_seconds * 1000)}ms"
    config["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    config["rule_files"] = [f"{RULES}/*.yml"]
    (found,) = config["scrape_configs"][0]["file_sd_configs"]
    found.update(files=[f"{targets}/*.json"], refresh_interval=interval)
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
                "--query.lookback-delta=15s",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=10) as client:
            prometheus = Prometheus(client, scrape_seconds)
            _wait_ready(client, folder / "prometheus.log")
            yield prometheus
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_ready(client: httpx.Client, log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if client.get("/-/ready").status_code == 200:
                return
        assert time.monotonic() < until, log.read_text("utf-8")
        time.sleep(0.1)
