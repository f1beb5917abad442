"""docs/metrics.md names what there is; dashboards and rules use nothing else."""

import re
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.registry import Collector

from tests.integration.engine.conftest import Engine
from worker.observation import EngineCollector

ROW = re.compile(r"^\| `(rapidflow_\w+)` \| (\w+) \| ([^|]*)\| \S", re.MULTILINE)
USED = re.compile(r"\brapidflow_[a-z_]+")
OF_HISTOGRAMS = re.compile(r"_(bucket|count|sum)$")


def families(registry: Collector) -> dict[str, str]:
    """Type by name as it is scraped."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in registry.collect()
        if family.name.startswith("rapidflow_")
    }


def documented() -> dict[str, tuple[str, set[str]]]:
    """Type and labels by name."""
    text = Path("docs/metrics.md").read_text("utf-8")
    return {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall(text)
    }


def test_every_metric_is_documented_with_its_type_and_labels(engine: Engine) -> None:
    control = CollectorRegistry()
    control.register(EngineCollector(lambda: engine.deps))
    ours = families(REGISTRY) | families(control)
    written = documented()
    assert {name: kind for name, (kind, _) in written.items()} == ours
    for family in [*REGISTRY.collect(), *control.collect()]:
        for sample in family.samples:
            name = OF_HISTOGRAMS.sub("", sample.name) if family.type == "histogram" else sample.name
            if name in written:
                assert set(sample.labels) - {"le"} == written[name][1], name


def test_dashboards_and_rules_ask_for_nothing_that_is_not_there() -> None:
    known = set(documented())
    files = [
        *Path("deploy/grafana/dashboards").glob("*.json"),
        *Path("deploy/prometheus/rules").glob("*.yml"),
        *Path("deploy/prometheus/tests").glob("*.yml"),
    ]
    assert len(files) == 6
    for path in files:
        used = {
            OF_HISTOGRAMS.sub("", name) if OF_HISTOGRAMS.sub("", name) in known else name
            for name in USED.findall(path.read_text("utf-8"))
        }
        assert used <= known, path
