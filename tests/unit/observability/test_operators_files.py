"""What operators install: dashboards are as declared, every alert says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.__main__ import FOLDER, text_of
from deploy.grafana.dashboards import ALL
from deploy.grafana.panels import Dashboard

RULES = Path("deploy/prometheus/rules")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("dashboard", ALL, ids=lambda one: one.uid)
def test_the_json_is_what_is_declared(dashboard: Dashboard) -> None:
    path = FOLDER / f"{dashboard.uid}.json"
    assert path.read_text("utf-8") == text_of(dashboard), "run `python -m deploy.grafana`"


@pytest.mark.parametrize("dashboard", ALL, ids=lambda one: one.uid)
def test_panels_lie_side_by_side_and_have_names_of_their_own(dashboard: Dashboard) -> None:
    panels = json.loads(text_of(dashboard))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_alert_says_what_it_is_and_has_a_runbook() -> None:
    text = Path("docs/operations.md").read_text("utf-8")
    runbooks = text[text.index("## Runbooks") :]
    headings = {
        line.removeprefix("### ") for line in runbooks.splitlines() if line.startswith("### RapidF")
    }
    assert headings == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        notes = alert["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        page, heading = notes["runbook_url"].split("#")
        assert page == "{{ $externalLabels.runbooks }}docs/operations.md"
        assert heading == alert["alert"].lower()


def test_panels_that_runbooks_name_are_there() -> None:
    text = Path("docs/operations.md").read_text("utf-8").replace("\n", " ")
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text))
    there = {panel["title"] for one in ALL for panel in one.to_json()["panels"]}
    assert named
    assert named - there <= {one.title for one in ALL}


def test_the_datasource_of_every_panel_is_provisioned() -> None:
    folder = FOLDER.parent / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    used = {
        panel["datasource"]["uid"]
        for dashboard in ALL
        for panel in dashboard.to_json()["panels"]
        if panel["type"] != "row"
    }
    assert used == {source["uid"]}
    (provider,) = yaml.safe_load((folder / "dashboards/rapidflow.yml").read_text())["providers"]
    mounts = compose()["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text())["services"]
    return services


def test_prometheus_looks_for_the_services_of_compose_where_they_are() -> None:
    text = (RULES.parent / "prometheus.yml").read_text("utf-8")
    job = yaml.safe_load(text)["scrape_configs"][0]
    services = compose()
    sought = {name: one["port"] for one in job["dns_sd_configs"] for name in one["names"]}
    assert set(sought) == {"api", "gateway", "worker", "control", "beat"}
    for name, port in sought.items():
        listens = services[name]["environment"].get("RAPIDFLOW_METRICS_PORT", "5000")
        assert int(listens) == port, name
        assert "metrics" in services[name]["networks"]
    secret = Path(job["authorization"]["credentials_file"]).name
    assert secret in services["prometheus"]["secrets"]
