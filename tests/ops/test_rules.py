"""The configuration Prometheus reads: sound, and every alert fires on what it is for."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path("deploy/prometheus")
CASES = FOLDER / "tests/alerts.yml"


def check(promtool: str, *arguments: str) -> None:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules/alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("name", ["prometheus.yml", "local.yml"])
def test_the_scrape_configurations_are_sound(promtool: str, name: str) -> None:
    check(promtool, "check", "config", "--syntax-only", str(FOLDER / name))


def test_the_rules_are_sound(promtool: str) -> None:
    rules = [str(path) for path in sorted((FOLDER / "rules").glob("*.yml"))]
    check(promtool, "check", "rules", "--lint-fatal", *rules)


def test_every_alert_fires_on_its_case_and_none_on_an_installation_that_is_well(
    promtool: str,
) -> None:
    check(promtool, "test", "rules", str(CASES))


def test_no_alert_is_without_a_case() -> None:
    cases = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    proved = {
        case["name"]
        for case in cases
        if f'alertname="{case["name"]}"' in case["promql_expr_test"][0]["expr"]
        and case["promql_expr_test"][0]["exp_samples"] == [{"labels": "{}", "value": 1}]
    }
    assert {alert["alert"] for alert in alerts()} == proved


def test_an_alert_that_cannot_fire_is_noticed(promtool: str, tmp_path: Path) -> None:
    broken = (FOLDER / "rules/alerts.yml").read_text("utf-8")
    (tmp_path / "alerts.yml").write_text(broken.replace("seconds > 60", "seconds > 60000"), "utf-8")
    cases = yaml.safe_load(CASES.read_text("utf-8"))
    recording = (FOLDER / "rules/recording.yml").absolute()
    cases["rule_files"] = [str(recording), str(tmp_path / "alerts.yml")]
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(cases), "utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "cases.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "RapidFlowEngineBehind" in done.stderr + done.stdout
