"""What is started where something is given, and under which names and environment."""

import shlex
from pathlib import Path

import pytest
from supervisor.options import UnhosedConfigParser

from deploy.local.errors import LocalError
from deploy.local.plan import Commands, Options, Plan, make_plan, worker_names
from deploy.local.supervision import quote_command
from deploy.local.surroundings import Surroundings

GIVEN = {
    "DATABASE_URL": "postgresql://given/x",
    "REDIS_URL": "redis://given/0",
    "EVOLUTION_API_URL": "https://evolution.example",
}


def plan_for(folder: Path, variables: dict[str, str], workers: int = 1) -> Plan:
    return make_plan(
        folder, Surroundings(variables), Options("127.0.0.1", 5000, workers), Commands()
    )


def test_nothing_is_embedded_where_urls_are_given(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, GIVEN)
    assert (plan.postgres, plan.valkey, plan.sandbox_port, plan.ports) == (None, None, None, {})
    assert {program.name for program in plan.programs} == {"server", "worker", "control", "beat"}
    assert GIVEN.items() <= plan.environment.items()
    assert "SANDBOX_API_KEY" not in plan.environment


def test_generated_values_fill_the_gaps_and_given_ones_win(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, {**GIVEN, "JWT_SECRET": "mine", "PUBLIC_URL": ""})
    assert plan.environment["JWT_SECRET"] == "mine"
    assert plan.environment["PUBLIC_URL"] == "http://localhost:5000"
    assert plan.environment["DATA_DIR"] == str(tmp_path)
    assert plan.environment["RAPIDFLOW_ENCRYPTION_KEY"]
    assert plan.environment["RAPIDFLOW_METRICS_TARGETS"] == str(tmp_path / "run/targets")


def test_the_sandbox_expects_the_key_the_application_sends(tmp_path: Path) -> None:
    without_evolution = {k: v for k, v in GIVEN.items() if k != "EVOLUTION_API_URL"}
    for variables in (without_evolution, {**without_evolution, "EVOLUTION_API_KEY": "mine"}):
        environment = plan_for(tmp_path, variables).environment
        assert environment["SANDBOX_API_KEY"] == environment["EVOLUTION_API_KEY"]
        assert environment["EVOLUTION_API_URL"].startswith("http://127.0.0.1:")


def test_no_secret_is_on_a_command_line(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, {**GIVEN, "EVOLUTION_API_URL": ""})
    words = [word for program in plan.programs for word in program.command]
    secrets = [plan.environment[name] for name in ("JWT_SECRET", "SANDBOX_API_KEY")]
    assert not [word for word in words if any(secret in word for secret in secrets)]


def test_every_program_has_its_stage(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, GIVEN, workers=3)
    assert plan.workers == ["worker-1", "worker-2", "worker-3"]
    staged = {name for stage in plan.stages for name in stage}
    assert {program.name for program in plan.programs} <= staged
    assert plan.stages[-1] == ["postgres"]
    assert worker_names(1) == ["worker"]


def test_each_spelling_of_a_setting_counts_and_the_plain_one_wins(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    named = {"RAPIDFLOW_JWT_SECRET": "prefixed", "JWT_SECRET_FILE": str(tmp_path / "secret")}
    assert Surroundings({"RAPIDFLOW_JWT_SECRET": "prefixed"}).get("JWT_SECRET") == "prefixed"
    assert Surroundings(named).get("JWT_SECRET") == "from the file"
    assert Surroundings({**named, "JWT_SECRET": "plain"}).get("JWT_SECRET") == "plain"
    with pytest.raises(LocalError, match="cannot be read"):
        Surroundings({"JWT_SECRET_FILE": "/no/such"}).get("JWT_SECRET")


def test_the_environment_wins_over_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=6001\nHOST=0.0.0.0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "6002")
    monkeypatch.delenv("HOST", raising=False)
    here = Surroundings.here()
    assert (here.host, here.port) == ("0.0.0.0", 6002)  # noqa: S104


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(LocalError, match="from 1 to 65535"):
        _ = Surroundings({"PORT": port}).port


@pytest.mark.parametrize(
    "word", ["plain", "a b", "my #1", "x ;y", "100% sure", "it's ; # %d", "#", ";", "ção"]
)
def test_any_path_survives_the_supervisor_configuration(word: str) -> None:
    parser = UnhosedConfigParser()
    parser.read_string(f"[program:x]\ncommand={quote_command(['run', word, word])}\n")
    command = parser.get("program:x", "command") % {}
    assert shlex.split(command) == ["run", word, word]


def test_the_sandbox_is_the_model_unless_one_is_given(tmp_path: Path) -> None:
    without_evolution = {k: v for k, v in GIVEN.items() if k != "EVOLUTION_API_URL"}
    environment = plan_for(tmp_path, without_evolution).environment
    assert environment["OPENAI_BASE_URL"] == f"{environment['EVOLUTION_API_URL']}/v1"
    assert environment["OPENAI_API_KEY"] == environment["SANDBOX_API_KEY"]
    own_key = plan_for(tmp_path, {**without_evolution, "OPENAI_API_KEY": "mine"}).environment
    assert (own_key["OPENAI_API_KEY"], "OPENAI_BASE_URL" in own_key) == ("mine", False)
    assert "OPENAI_API_KEY" not in plan_for(tmp_path, GIVEN).environment
