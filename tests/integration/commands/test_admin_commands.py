"""Bootstrap and the administration commands, on the real database and sandbox."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
from click.testing import CliRunner

from api.app import create_app
from api.runtime import runtime
from deploy.bootstrap import bootstrap
from deploy.commands.backup import backup
from deploy.commands.checked import one_sentence
from deploy.commands.instance import instance
from deploy.commands.migrate import migrate
from deploy.commands.person import person
from deploy.commands.plan import plan
from deploy.commands.tenant import tenant
from deploy.commands.token import token
from deploy.commands.user import user
from shared.settings import Settings
from tests.factories import Factory
from tests.sandbox_process import Sandbox

PASSWORD = "correta-cavalo-pilha-42"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for()


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    values = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "EVOLUTION_API_URL": settings.evolution_api_url,
        "EVOLUTION_API_KEY": settings.evolution_api_key.get_secret_value(),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        "DATA_DIR": str(settings.data_dir),
        "LOG_DIR": str(settings.log_dir),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def run(command: click.Command, *arguments: str, code: int = 0, **options: Any) -> dict[str, Any]:
    result = CliRunner().invoke(command, [*arguments, "--json"], **options)
    assert result.exit_code == code, result.output
    return dict(json.loads(result.output)) if code == 0 else {"said": result.output}


def test_bootstrap_once_and_again(environment: dict[str, str], settings: Settings) -> None:
    first = bootstrap(environment)
    assert first.owner_email == "owner@rapidflow.local"
    assert first.owner_password
    assert stat.S_IMODE(first.api_key_file.stat().st_mode) == 0o600
    key = first.api_key_file.read_text()
    second = bootstrap(environment)
    assert (second.owner_password, second.api_key_file.read_text()) == (None, key)
    app = create_app(settings)
    client = app.test_client()
    body = {"email": first.owner_email, "password": first.owner_password}
    assert client.post("/api/auth/login", json=body).status_code == 200
    assert client.get("/api/me", headers={"X-API-Key": key.strip()}).status_code == 200
    runtime(app).close()


def test_a_lost_or_foreign_key_file_is_made_anew(environment: dict[str, str]) -> None:
    path = bootstrap(environment).api_key_file
    key = path.read_text()
    path.unlink()
    assert bootstrap(environment).api_key_file.read_text() != key
    path.write_text("rf_of_another_database\n")
    assert bootstrap(environment).api_key_file.read_text().startswith("rf_")
    assert path.read_text() != "rf_of_another_database\n"


def test_the_demo_instance_survives_everything(
    environment: dict[str, str], sandbox: Sandbox
) -> None:
    owned = {**environment, "SANDBOX_API_KEY": "x"}
    sandbox.client.delete("/instance/delete/demo")
    for _ in range(2):
        bootstrap(owned)
        assert _states() == [("demo", "open")]
    sandbox.client.delete("/instance/logout/demo")
    bootstrap(owned)
    assert _states() == [("demo", "open")]
    sandbox.client.delete("/instance/delete/demo")
    bootstrap(owned)
    assert _states() == [("demo", "open")]


def test_people(environment: dict[str, str]) -> None:
    bootstrap(environment)
    made = run(user, "create", "--email", "ana@example.com", "--password", PASSWORD)
    assert made["user"]["role"] == "operator"
    again = run(user, "create", "--email", "Ana@example.com", "--password", PASSWORD, code=1)
    assert "already has an account" in again["said"]
    weak = run(user, "create", "--email", "b@example.com", "--password", "curta", code=1)
    assert "12" in weak["said"]
    emails = [row["email"] for row in run(user, "list")["users"]]
    assert emails == ["owner@rapidflow.local", "ana@example.com"]
    run(user, "password", "ana@example.com", input=f"{PASSWORD}-2\n")
    run(user, "disable", "ana@example.com")
    assert run(user, "list")["users"][1]["disabled"] is True
    run(user, "disable", "ana@example.com", "--enable")
    assert "Nobody" in run(user, "disable", "x@example.com", code=1)["said"]


def test_tokens(environment: dict[str, str]) -> None:
    owner = bootstrap(environment).owner_email
    made = run(token, "create", "--email", owner, "--name", "crm")["token"]
    assert made["token"].startswith("rf_")
    assert len(run(token, "list", "--email", owner)["tokens"]) == 2
    run(token, "revoke", "--email", owner, str(made["id"]))
    assert len(run(token, "list", "--email", owner)["tokens"]) == 1


def test_tenants_and_plans(environment: dict[str, str]) -> None:
    bootstrap(environment)
    run(tenant, "create", "Loja")
    assert [row["name"] for row in run(tenant, "list")["tenants"]] == ["RapidFlow", "Loja"]
    changed = run(plan, "set", "Loja", "--messages-per-second", "5", "--burst", "20")
    assert changed["plan"]["messages_per_second"] == 5
    assert changed["plan"]["running_campaigns"] == 5
    assert run(plan, "show")["plan"]["burst_per_second"] == 10
    assert "no tenant" in run(plan, "show", "Nada", code=1)["said"]
    changed = run(tenant, "set", "Loja", "--time-zone", "America/Manaus")["tenant"]
    assert changed["time_zone"] == "America/Manaus"
    refused = run(tenant, "set", "Loja", "--time-zone", "Marte/Olimpo", code=1)["said"]
    assert "--time-zone" in refused


def test_instances(environment: dict[str, str], sandbox: Sandbox) -> None:
    bootstrap(environment)
    sandbox.create_instance("cli-1")
    assert run(instance, "adopt", "cli-1")["instance"]["state"] == "open"
    assert [row["name"] for row in run(instance, "list")["instances"]] == ["cli-1"]
    run(instance, "remove", "cli-1")
    assert run(instance, "list")["instances"] == []
    assert "não tem" in run(instance, "adopt", "no-such", code=1)["said"]


def test_migrate(environment: dict[str, str]) -> None:
    assert run(migrate, "--check") == {"pending": []}
    assert run(migrate) == {"applied": []}


def test_an_empty_database_and_a_missing_tenant_say_what_comes_next(
    environment: dict[str, str], tmp_path: Path
) -> None:
    nobody = run(user, "create", "--email", "a@b.com", "--password", PASSWORD, code=1)
    assert "`rapidflow tenant create`" in nobody["said"]
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as conn:
        conn.execute("DROP SCHEMA public CASCADE")
        conn.execute("CREATE SCHEMA public")
    for command, arguments in [(user, ["list"]), (backup, [str(tmp_path / "file")])]:
        assert "run `rapidflow migrate` first" in run(command, *arguments, code=1)["said"]
    with pytest.raises(click.ClickException, match="run `rapidflow migrate` first"), one_sentence():
        raise psycopg.OperationalError('FATAL:  role "rapidflow_engine" does not exist')


def test_erasing_a_person_is_the_request_that_the_api_makes(
    environment: dict[str, str], settings: Settings
) -> None:
    bootstrap(environment)
    made = run(person, "erase", "(11) 98000-0001", "--yes")
    assert (made["contacts"], made["done_at"]) == (0, None)
    assert run(person, "list")["erasures"] == [made]
    factory = Factory(settings)
    assert factory.rows("SELECT phone FROM erasures") == [("5511980000001",)]
    assert factory.rows("SELECT phone, reason FROM suppressions") == [("5511980000001", "erased")]
    audited = "SELECT actor FROM audit_log WHERE action = 'erasure_requested'"
    assert factory.rows(audited) == [("command",)]
    assert "98" in run(person, "erase", "98", "--yes", code=1)["said"]


def test_every_command_explains_itself() -> None:
    for group in (user, token, tenant, plan, instance, person):
        for command in group.commands.values():
            assert command.help, command.name
            for parameter in command.params:
                if isinstance(parameter, click.Option):
                    assert parameter.help, f"{group.name} {command.name} {parameter.name}"


def test_a_missing_variable_is_one_line(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL")
    said = run(user, "list", code=1)["said"]
    assert "DATABASE_URL" in said.upper()
    assert len(said.strip().splitlines()) == 1


def _states() -> list[tuple[str, str]]:
    return [(row["name"], row["state"]) for row in run(instance, "list")["instances"]]
