"""docker-compose.yml against the Compose specification, and against what production asks of it."""

import json
import os
import re
import stat
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.settings import Settings, load_settings
from tests.unit.deployment.compose import ROOT, load_compose, seconds

GIVEN = {"PUBLIC_URL": "https://rapidflow.example.com", "SECRETS_DIR": "./secrets"}
COMPOSE = load_compose(GIVEN)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "rapidflow" in service["image"]]
ONE_SHOT = {"migrate"}
#: Its start script generates code into its own, root-owned folder.
WRITES_ITS_ROOT = {"evolution"}

STAND_INS: dict[str, Any] = {
    "database_url": "postgresql://u:p@h/d",
    "redis_url": "redis://h",
    "evolution_api_key": "k",
    "jwt_secret": "j" * 40,
    "encryption_key": "k" * 43 + "=",
}

each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_file_follows_the_compose_specification() -> None:
    schemas = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text("utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    problems = [error.message for error in kind(schema).iter_errors(COMPOSE)]
    assert problems == []


def test_every_part_of_the_installation_is_there() -> None:
    engine = {"migrate", "api", "gateway", "worker", "control", "beat"}
    assert engine == set(OURS)
    assert set(SERVICES) - engine == {
        "nginx",
        "postgres",
        "valkey",
        "evolution",
        "prometheus",
        "grafana",
    }


@each_service
def test_images_are_pinned_to_a_full_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r"(:v?\d+\.\d+(\.\d+)?[\w.-]*|@sha256:[0-9a-f]{64})$", image), image
    assert "latest" not in image


@each_service
def test_only_nginx_is_published(name: str) -> None:
    published = SERVICES[name].get("ports", [])
    assert published == (["0.0.0.0:5000:5000"] if name == "nginx" else [])
    assert "network_mode" not in SERVICES[name]


@each_service
def test_nothing_runs_with_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name not in WRITES_ITS_ROOT:
        assert service["read_only"] is True
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
        assert any(path.startswith("/tmp:") for path in service["tmpfs"])


@each_service
def test_every_process_is_bounded_and_its_logs_turn_over(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


@each_service
def test_what_runs_on_says_how_it_is_and_starts_again(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert seconds(check["timeout"]) <= seconds(check["interval"])


@pytest.mark.parametrize("name", ["worker", "control"])
def test_the_engine_has_time_to_drain(name: str) -> None:
    settings = _settings(name)
    drain = (settings.model.call_seconds + 2) + (settings.delivery.call_deadline_seconds + 10)
    assert seconds(SERVICES[name]["stop_grace_period"]) > drain + 10


@pytest.mark.parametrize("name", ["api", "gateway", "nginx"])
def test_the_edge_has_time_to_answer_what_it_has_begun(name: str) -> None:
    graceful_timeout = 35  # deploy/gunicorn/common.py
    assert seconds(SERVICES[name]["stop_grace_period"]) > graceful_timeout


@pytest.mark.parametrize("name", OURS)
def test_containers_get_more_memory_than_a_process_may_take(name: str) -> None:
    settings = _settings(name)
    most = {
        "api": settings.memory.web_mebibytes * settings.http.workers,
        "gateway": settings.memory.gateway_mebibytes,
        "worker": settings.memory.engine_mebibytes,
        "control": settings.memory.engine_mebibytes,
    }.get(name, 0)
    limit = SERVICES[name]["deploy"]["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("M")) > most


@pytest.mark.parametrize("name", OURS)
def test_no_secret_is_in_the_environment(name: str) -> None:
    variables = SERVICES[name]["environment"]
    secret = [key for key in variables if re.search(r"PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL", key)]
    assert secret
    assert all(key.endswith("_FILE") for key in secret)
    mounted = {f"/run/secrets/{given}" for given in SERVICES[name]["secrets"]}
    assert {value for key, value in variables.items() if key.endswith("_FILE")} == mounted


@pytest.mark.parametrize("name", OURS)
def test_the_process_accepts_its_environment(name: str) -> None:
    assert _settings(name).base_url == "https://rapidflow.example.com"


def test_evolution_reaches_the_api_without_leaving_the_network() -> None:
    assert _settings("api").webhook_base_url == "http://api:5000"
    assert set(SERVICES["evolution"]["networks"]) & set(SERVICES["api"]["networks"])


def test_evolution_reaches_neither_our_database_network_nor_valkey() -> None:
    shared = set(SERVICES["evolution"]["networks"])
    assert not shared & set(SERVICES["valkey"]["networks"])
    assert not shared & set(SERVICES["grafana"]["networks"])
    reachable = [n for n in SERVICES if "provider-data" in SERVICES[n]["networks"]]
    assert sorted(reachable) == ["evolution", "postgres"]


def test_only_what_must_speak_to_the_outside_can() -> None:
    outward = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert outward == {"front", "provider"}
    speaking = {name for name in SERVICES if set(SERVICES[name]["networks"]) & outward}
    assert speaking == {"nginx", "evolution", "api", "worker", "control"}


def test_evolution_keeps_the_evidence_the_engine_looks_for() -> None:
    variables = SERVICES["evolution"]["environment"]
    assert re.match(r"evoapicloud/evolution-api:v2\.3\.\d+$", SERVICES["evolution"]["image"])
    for name in ("NEW_MESSAGE", "INSTANCE"):
        assert variables[f"DATABASE_SAVE_DATA_{name}"] == "true"
    assert variables["DATABASE_SAVE_MESSAGE_UPDATE"] == "true"
    assert variables["TZ"] == "UTC"
    for name in ("TELEMETRY_ENABLED", "WEBHOOK_EVENTS_ERRORS", "WEBHOOK_GLOBAL_ENABLED"):
        assert variables[name] == "false"


def test_prometheus_scrapes_the_ports_the_processes_listen_on() -> None:
    scraped = (ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8")
    for name in ("worker", "control", "beat"):
        settings = _settings(name)
        assert settings.metrics_host == "0.0.0.0"  # noqa: S104  inside its container
        assert f"port: {settings.metrics_port}" in scraped
        assert f":{settings.metrics_port}/metrics" in SERVICES[name]["healthcheck"]["test"][-1]
    assert "/run/secrets/metrics_token" in scraped


@each_service
def test_what_is_mounted_from_the_repository_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, rest = volume.partition(":")
        if source.startswith("./") and not source.startswith("./secrets"):
            assert (ROOT / source).exists(), source
            assert rest.endswith(":ro"), volume
        elif not source.startswith("./"):
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", GIVEN)
def test_what_nobody_can_guess_is_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: (say in .env|run deploy/docker/make-secrets)"):
        load_compose({other: value for other, value in GIVEN.items() if other != name})


def test_secrets_are_made_once_and_are_all_there(tmp_path: Path) -> None:
    folder, environment = tmp_path / "secrets", tmp_path / ".env"
    first = _make_secrets(folder, environment)
    made = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert set(made) == set(COMPOSE["secrets"])
    assert "PUBLIC_URL" in first
    assert all(given not in first for value in made.values() if (given := value.decode()))
    assert environment.read_text("utf-8") == f"SECRETS_DIR={folder}\n"

    assert _make_secrets(folder, environment).startswith("Nothing to do")
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == made
    assert environment.read_text("utf-8").count("SECRETS_DIR") == 1


def test_secrets_are_shut_in_a_folder_of_their_owner(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    _make_secrets(folder, tmp_path / ".env")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}
    assert modes == {0o444}  # mounted one by one, and read by other users inside


def test_a_process_starts_on_the_secrets_that_were_made(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    _make_secrets(folder, tmp_path / ".env")
    settings = _settings("api", folder)
    database = (folder / "rapidflow_database_password").read_text("utf-8")
    assert settings.database_url.get_secret_value().startswith(
        f"postgresql://rapidflow:{database}@"
    )
    assert settings.openai_api_key is None
    assert settings.metrics_token is not None


def _make_secrets(folder: Path, environment: Path) -> str:
    command = [ROOT / "deploy/docker/make-secrets", folder, environment]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _settings(name: str, folder: Path | None = None) -> Settings:
    """What the process of this service reads; its secrets from `folder`, else stand-ins."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            if variable.startswith("RAPIDFLOW_") or variable in {"PORT", "HOST", "LOG_LEVEL"}:
                patch.delenv(variable)
        for variable, value in SERVICES[name]["environment"].items():
            if not variable.endswith("_FILE"):
                patch.setenv(variable, value)
            elif folder is not None:
                patch.setenv(variable, value.replace("/run/secrets", str(folder)))
        return load_settings(_env_file=None, **({} if folder else STAND_INS))
