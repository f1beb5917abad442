"""`rapidflow doctor` names what is wrong, and what to do about it."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from deploy.commands.doctor import doctor
from shared.db import restores
from shared.settings import Settings
from tests.collector import collecting
from tests.factories import Factory
from tests.sandbox_process import Sandbox
from tests.variables import environment_of

Findings = dict[str, dict[str, object]]


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for()


@pytest.fixture
def factory(settings: Settings) -> Factory:
    return Factory(settings)


@pytest.fixture
def examine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Findings]:
    """All findings by check, under these variables besides."""

    def examine(**more: str) -> Findings:
        for name, value in {**environment_of(settings), **more}.items():
            monkeypatch.setenv(name, value)
        answer = CliRunner().invoke(doctor, ["--json"])
        found = {finding["check"]: finding for finding in json.loads(answer.stdout)}
        everything_fine = all(finding["ok"] for finding in found.values())
        assert answer.exit_code == (0 if everything_fine else 1)
        assert all(finding["fix"] for finding in found.values() if not finding["ok"])
        return found

    return examine


def wrong(found: Findings) -> set[str]:
    return {check for check, finding in found.items() if not finding["ok"]}


def test_processes_that_do_not_run_and_numbers_that_do_not_report(
    examine: Callable[..., Findings], factory: Factory, sandbox: Sandbox
) -> None:
    """Nobody serves the queues; one number reports to somebody else, one is not in Evolution."""
    tenant = factory.tenant()
    elsewhere = factory.instance(tenant)
    sandbox.create_instance(elsewhere.name, webhook_url="http://127.0.0.1:9/x", secret="s" * 40)
    gone = factory.instance(tenant)
    found = examine()
    assert wrong(found) >= {
        "worker",
        "control",
        f"number {elsewhere.name}: webhook",
        f"number {gone.name}",
    }
    assert "somewhere else" in str(found[f"number {elsewhere.name}: webhook"]["found"])
    assert "missing" in str(found[f"number {gone.name}"]["found"])
    assert found["Evolution version"]["ok"]


def test_settings_that_cannot_work_and_a_key_that_opens_nothing(
    examine: Callable[..., Findings], factory: Factory, sandbox: Sandbox
) -> None:
    """Slots beyond the lease; another ENCRYPTION_KEY."""
    number = factory.instance(factory.tenant())
    found = examine(
        RAPIDFLOW_DISPATCH__LOOKAHEAD_SECONDS="90",
        ENCRYPTION_KEY=base64.b64encode(b"x" * 32).decode(),
    )
    assert wrong(found) >= {"lookahead", f"number {number.name}"}


def test_a_restored_database_is_told(examine: Callable[..., Findings], factory: Factory) -> None:
    """Until its campaigns are released."""
    tenant = factory.tenant()
    factory.campaign(tenant, [factory.instance(tenant)])
    assert examine()["restore"]["ok"]
    with factory.connect("none") as conn, conn.transaction():
        restores.mark(conn, datetime.now(UTC))  # type: ignore[arg-type]
    assert "1 campaigns held" in str(examine()["restore"]["found"])


def test_a_collector_is_asked_where_spans_go_to_one(examine: Callable[..., Findings]) -> None:
    assert "tracing" not in examine()
    with collecting() as collector:
        told = {
            "RAPIDFLOW_TRACING__ENDPOINT": collector.url,
            "RAPIDFLOW_TRACING_HEADERS": "Authorization=Bearer segredo",
        }
        assert examine(**told)["tracing"]["ok"]
        assert collector.headers[0]["authorization"] == "Bearer segredo"
        assert collector.spans() == []
        elsewhere = examine(**{**told, "RAPIDFLOW_TRACING__ENDPOINT": f"{collector.url}/nowhere"})
        assert elsewhere["tracing"]["found"] == "the collector answers 404"
    gone = examine(**told)["tracing"]
    assert not gone["ok"]
    assert "segredo" not in str(gone)
