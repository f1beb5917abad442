"""The image: its Dockerfile judged by hadolint, built step by step, run as compose would run it."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.bootstrap import bootstrap
from deploy.local.ports import free_port
from shared.settings import Settings
from tests.end_to_end.stack import environment_of
from tests.factories import Factory
from tests.ops.image import ROOT, Container, Image, build, forget
from tests.sandbox_process import Sandbox
from tests.unit.deployment.compose import load_compose

COMPOSE = load_compose({"PUBLIC_URL": "http://127.0.0.1:5000", "SECRETS_DIR": "./secrets"})
OURS = ("api", "gateway", "worker", "control", "beat")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, built from this checkout."""
    built = build()
    yield built
    forget(built)


@pytest.fixture
def secrets_folder(settings_for: Callable[..., Settings], tmp_path: Path) -> Path:
    """What make-secrets makes, with the addresses of this test's servers."""
    settings, folder = settings_for(), tmp_path / "secrets"
    command = [ROOT / "deploy/docker/make-secrets", folder, tmp_path / "env"]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("database_url", "redis_url", "evolution_api_key", "jwt_secret", "encryption_key"):
        (folder / name).chmod(0o600)
        (folder / name).write_text(getattr(settings, name).get_secret_value(), "utf-8")
        (folder / name).chmod(0o444)
    folder.chmod(0o755)  # mounted whole here
    return folder


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The log volume, as the image's folder is owned."""
    folder = tmp_path / "log-volume"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    return folder


def test_the_dockerfile_follows_the_fields_rules() -> None:
    command = [Path(sys.executable).with_name("hadolint"), ROOT / "deploy/docker/Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.timeout(900)
def test_the_image_says_how_it_is_run(image: Image) -> None:
    assert image.config["User"] == "10001:10001"
    assert image.config["Entrypoint"] == ["rapidflow"]
    assert image.config["Cmd"] == ["api"]
    assert image.config["StopSignal"] == "SIGTERM"
    assert list(image.config["ExposedPorts"]) == ["5000/tcp"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "deploy.probe"]


@pytest.mark.timeout(900)
def test_the_image_holds_the_program_and_no_tools_to_change_it(image: Image) -> None:
    program = image.files / "opt/rapidflow"
    (package,) = program.glob("lib/python3.*/site-packages/deploy")
    assert (package.parent / "migrations/001_schema.sql").exists()
    assert list((package.parent / "api/console/assets").glob("*.js.br"))
    assert not (program / "bin/pip").exists()
    assert not (image.files / "src").exists()
    writable = [
        path for path in program.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022
    ]
    assert writable == []


@pytest.mark.timeout(900)
def test_a_missing_secret_is_named_in_one_line(image: Image, tmp_path: Path, logs: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    variables = COMPOSE["services"]["api"]["environment"]
    done = image.run(["rapidflow", "api"], variables, empty, logs)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "_FILE: cannot read /run/secrets/" in done.stdout


@pytest.mark.timeout(900)
def test_a_campaign_goes_out_from_containers_that_may_do_nothing_else(
    image: Image,
    settings_for: Callable[..., Settings],
    sandbox: Sandbox,
    secrets_folder: Path,
    logs: Path,
) -> None:
    settings = settings_for()
    ports = {name: free_port() for name in OURS}
    given = {
        name: value
        for name, value in environment_of(settings, sandbox, ports["api"]).items()
        if name.startswith("RAPIDFLOW_") or name in {"EVOLUTION_API_URL", "PUBLIC_URL"}
    }
    key = bootstrap(environment_of(settings, sandbox, ports["api"])).api_key_file.read_text("utf-8")

    def variables(name: str) -> dict[str, str]:
        """The service's own in docker-compose.yml, on this test's ports and servers."""
        own = {**COMPOSE["services"][name]["environment"], **given, "HOST": "127.0.0.1"}
        own |= {"PORT": str(ports.get(name, 0)), "RAPIDFLOW_METRICS_HOST": "127.0.0.1"}
        if "RAPIDFLOW_METRICS_PORT" in own:
            own["RAPIDFLOW_METRICS_PORT"] = str(ports[name])
        return own | {"WEBHOOK_URL": f"http://127.0.0.1:{ports['api']}"}

    migrated = image.run(["rapidflow", "migrate"], variables("migrate"), secrets_folder, logs)
    assert (migrated.returncode, migrated.stdout) == (0, "Up to date.\n")

    with contextlib.ExitStack() as running:
        containers: dict[str, Container] = {}
        for name in OURS:
            service = COMPOSE["services"][name]
            started = image.running(service["command"], variables(name), secrets_folder, logs)
            containers[name] = running.enter_context(started)
        for name, container in containers.items():
            check = COMPOSE["services"][name]["healthcheck"]["test"][1:]
            own = (
                check[-1]
                .replace(":5000/", f":{ports[name]}/")
                .replace(":9464/", f":{ports[name]}/")
            )
            container.wait_healthy([*check[:-1], own])
            facts = container.facts()
            assert facts["Uid"].split() == ["10001"] * 4
            assert {facts[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
            assert facts["NoNewPrivs"] == "1"

        refused = image.run(
            ["sh", "-c", "touch /opt/rapidflow/x || touch /etc/x || touch /run/secrets/x"],
            variables("api"), secrets_folder, logs,
        )  # fmt: skip
        assert refused.returncode == 1
        assert refused.stdout.count("Read-only file system") == 3

        _send_a_campaign(settings, sandbox, f"http://127.0.0.1:{ports['api']}", key.strip())
        assert any(logs.glob("*-info.log"))
        assert {name: container.stop() for name, container in containers.items()} == dict.fromkeys(
            OURS, 0
        )


def _send_a_campaign(settings: Settings, sandbox: Sandbox, url: str, key: str) -> None:
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=10) as client:
        with Factory(settings).connect() as conn:
            conn.execute("UPDATE plans SET messages_per_second = 200, requests_per_minute = 100000")
        name = f"loja-{settings.environment}"
        sandbox.create_instance(name)
        adopted = client.post("/api/instances", json={"name": name, "adopt": True})
        assert adopted.status_code == 201, adopted.text
        body = {
            "name": "Imagem",
            "contacts": [{"nome": f"P{n}", "telefone": f"1198765{n:04}"} for n in range(10)],
            "config": {"delayMin": 0, "delayMax": 0},
        }
        created = client.post("/api/campaigns", json=body)
        assert created.status_code == 201, created.text
        at = f"/api/campaigns/{created.json()['campaign']['id']}/metrics"
        until = time.monotonic() + 60
        while (found := client.get(at).json()["metrics"])["status"] != "completed":
            assert time.monotonic() < until, found
            time.sleep(0.2)
        assert found["sent_count"] == 10
