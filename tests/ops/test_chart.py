"""The Helm chart: rendered by Helm's own engine, judged by Kubernetes' own schemas."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python as helm  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from shared.observability import metrics
from tests.ops.image import ROOT
from tests.unit.deployment.compose import load_compose, seconds

CHART = ROOT / "deploy/helm/rapidflow"
LEAST: dict[str, Any] = {
    "publicUrl": "https://rapidflow.example.com",
    "evolutionUrl": "http://evolution:8080",
    "secret": {"name": "rapidflow"},
}
EVERYTHING: dict[str, Any] = {
    **LEAST,
    "image": {"repository": "registry.example.com/rapidflow", "digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "environment": {"RAPIDFLOW_PACING__DELAY_MIN_SECONDS": "30"},
    "tracing": {"endpoint": "http://collector.monitoring:4318", "ratio": 0.1},
    "api": {"autoscaling": {"enabled": True}},
    "gateway": {"autoscaling": {"enabled": True}},
    "worker": {"keda": {"enabled": True}},
    "ingress": {"enabled": True, "host": "rapidflow.example.com", "tlsSecret": "tls"},
    "networkPolicy": {"evolutionNamespace": "evolution"},
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "sending", "operator": "Exists"}],
    "podAnnotations": {"example.com/owner": "ops"},
}
#: Their schemas belong to operators that are installed apart.
NOT_KUBERNETES = {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}
VERSIONS = ("1.27", "1.32", "1.37")
OURS = ("api", "gateway", "worker", "control", "beat", "migrate")
COMPOSE = load_compose({"PUBLIC_URL": "https://x", "SECRETS_DIR": "./secrets"})["services"]


def render(values: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every object by kind and name."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(dict(values))
        files = chart.render(dict(values), name="prod", namespace="rapidflow")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, text in files.items():
        for item in yaml.safe_load_all(text) if name.endswith(".yaml") else ():
            if item is not None:
                key = (item["kind"], item["metadata"]["name"])
                assert key not in found
                found[key] = item
    return found


def pods(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Pod specs by the part of RapidFlow they run."""
    rendered = render(values).values()
    works = [item for item in rendered if item["kind"] in {"Deployment", "Job"}]
    return {
        work["metadata"]["labels"]["app.kubernetes.io/component"]: work["spec"]["template"]["spec"]
        for work in works
    }


@pytest.mark.parametrize("values", [LEAST, EVERYTHING])
def test_helm_finds_nothing_to_complain_of(values: Mapping[str, Any]) -> None:
    report = helm.lint(CHART, dict(values), strict=True)
    assert report["errors"] == []
    assert [told["error"] for told in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [LEAST, EVERYTHING])
def test_every_object_follows_kubernetes_schema(values: Mapping[str, Any], version: str) -> None:
    for item in render(values).values():
        if item["apiVersion"] not in NOT_KUBERNETES:
            kubernetes_validate.validate(item, version, strict=True)


def test_a_slip_in_a_template_would_be_noticed() -> None:
    deployment = render(LEAST)["Deployment", "prod-rapidflow-api"]
    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


def test_every_process_has_its_deployment_and_migration_goes_first() -> None:
    assert sorted(pods(LEAST)) == sorted(OURS)
    job = render(LEAST)["Job", "prod-rapidflow-migrate"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    account = render(LEAST)["ServiceAccount", "prod-rapidflow"]["metadata"]["annotations"]
    assert account["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(account["helm.sh/hook-weight"]) < 0


@pytest.mark.parametrize("part", OURS)
def test_pods_may_do_as_little_as_in_compose(part: str) -> None:
    pod = pods(EVERYTHING)[part]
    assert pod["automountServiceAccountToken"] is False
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == COMPOSE[part]["user"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["args"] == COMPOSE[part]["command"]
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("part", OURS)
def test_pods_have_the_settings_compose_gives(part: str) -> None:
    (container,) = pods(LEAST)[part]["containers"]
    names = {variable["name"] for variable in container["env"]}
    may_be_left_out = {"OPENAI_API_KEY", "RAPIDFLOW_TRACING_HEADERS"}
    wanted = set(COMPOSE[part]["environment"]) - {f"{name}_FILE" for name in may_be_left_out}
    assert names == wanted | may_be_left_out
    files = {v["value"] for v in container["env"] if v["name"].endswith("_FILE")}
    mount = next(m for m in container["volumeMounts"] if m["name"] == "secrets")
    items = next(v for v in pods(LEAST)[part]["volumes"] if v["name"] == "secrets")["secret"][
        "items"
    ]
    assert files == {f"{mount['mountPath']}/{item['path']}" for item in items}


def test_tracing_is_switched_on_by_values_alone() -> None:
    given = {
        variable["name"]: variable.get("value")
        for variable in pods(EVERYTHING)["worker"]["containers"][0]["env"]
    }
    assert given["RAPIDFLOW_TRACING__ENDPOINT"] == "http://collector.monitoring:4318"
    assert float(given["RAPIDFLOW_TRACING__RATIO"]) == 0.1
    with pytest.raises(helm.HelmError, match="ratio"):
        render({**LEAST, "tracing": {"ratio": 2}})


@pytest.mark.parametrize("part", ["api", "gateway", "worker", "control", "beat"])
def test_pods_have_as_long_to_end_as_in_compose(part: str) -> None:
    grace = pods(LEAST)[part]["terminationGracePeriodSeconds"]
    assert grace >= seconds(COMPOSE[part]["stop_grace_period"])
    (container,) = pods(LEAST)[part]["containers"]
    assert {"startupProbe", "livenessProbe"} <= set(container)


def test_selectors_meet_the_pods_they_mean() -> None:
    rendered = render(EVERYTHING)
    labels = {
        name: item["spec"]["template"]["metadata"]["labels"]
        for (kind, name), item in rendered.items()
        if kind == "Deployment"
    }
    for (kind, name), item in rendered.items():
        if kind in {"Service", "PodDisruptionBudget", "Deployment"}:
            selector = item["spec"]["selector"]
            selector = selector.get("matchLabels", selector)
            met = [at for at, own in labels.items() if selector.items() <= own.items()]
            assert met == [name]


def test_scaling_leaves_the_count_to_the_scaler() -> None:
    rendered = render(EVERYTHING)
    for part in ("api", "gateway", "worker"):
        assert "replicas" not in rendered["Deployment", f"prod-rapidflow-{part}"]["spec"]
    assert rendered["HorizontalPodAutoscaler", "prod-rapidflow-api"]["spec"]["minReplicas"] == 2
    scaled = rendered["ScaledObject", "prod-rapidflow-worker"]["spec"]
    assert scaled["scaleTargetRef"] == {"name": "prod-rapidflow-worker"}
    assert scaled["triggers"][0]["metadata"]["query"] == "max(rapidflow_oldest_due_message_seconds)"
    assert "rapidflow_oldest_due_message_seconds" in _declared_metrics()


def test_two_scalers_of_one_deployment_are_refused() -> None:
    both = {"autoscaling": {"enabled": True}, "keda": {"enabled": True}}
    with pytest.raises(helm.HelmError, match="not both"):
        render({**LEAST, "worker": both})


def test_prometheus_scrapes_every_process_with_the_token() -> None:
    monitor = render(EVERYTHING)["PodMonitor", "prod-rapidflow"]["spec"]
    ports = {
        port["name"]
        for pod in pods(EVERYTHING).values()
        for port in pod["containers"][0].get("ports", [])
    }
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} == ports
    for endpoint in monitor["podMetricsEndpoints"]:
        key = {"name": "rapidflow", "key": "metrics_token"}
        assert endpoint["authorization"]["credentials"] == key


def test_nobody_reaches_the_engine_but_prometheus() -> None:
    policies = [item for (kind, _), item in render(LEAST).items() if kind == "NetworkPolicy"]
    engine = next(p for p in policies if p["metadata"]["name"].endswith("-engine"))
    (rule,) = engine["spec"]["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    assert len(policies) == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"publicUrl": ""}, "publicUrl"),
        ({"secret": {"name": ""}}, "name"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"drainSeconds": 30}, "drainSeconds"),
        ({"wroker": {}}, "wroker"),
    ],
)
def test_wrong_values_are_refused_by_name(wrong: Mapping[str, Any], said: str) -> None:
    with pytest.raises(helm.HelmError, match=said):
        render({**LEAST, **wrong})


def _declared_metrics() -> str:
    folder = Path(metrics.__file__).parents[1]
    return "".join(path.read_text("utf-8") for path in folder.rglob("*.py")) + "".join(
        path.read_text("utf-8") for path in (ROOT / "worker").rglob("*.py")
    )
