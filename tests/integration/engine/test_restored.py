"""A database that came out of a backup sends nothing twice, and nothing before a person said so."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from shared.settings import Settings
from tests.factories import CampaignRow, Factory
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from tests.variables import environment_of
from worker.deps import open_deps
from worker.sender import Sender

PEOPLE = 30


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """Quick times, and slots given out well within a lease: this campaign has a pace."""
    return settings_for(
        delivery={"call_deadline_seconds": 2, "lease_seconds": 3, "lease_margin_seconds": 0.5},
        dispatch={"lookahead_seconds": 0.5},
        evidence={"quiet_margin_seconds": 0.1, "looks_after_seconds": (0, 0.5, 1, 2, 4)},
    )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command against the database of these settings."""

    def run(settings: Settings, *words: str) -> Result:
        for name, value in environment_of(settings).items():
            monkeypatch.setenv(name, value)
        for knob in ("call_deadline_seconds", "lease_seconds", "lease_margin_seconds"):
            value = getattr(settings.delivery, knob)
            monkeypatch.setenv(f"RAPIDFLOW_DELIVERY__{knob.upper()}", str(value))
        monkeypatch.setenv("RAPIDFLOW_EVIDENCE__QUIET_MARGIN_SECONDS", "0.1")
        return CliRunner().invoke(main, list(words))

    return run


@pytest.fixture
def fresh(
    other_database_url: str, settings: Settings, settings_for: Callable[..., Settings]
) -> Settings:
    """Another server's empty database; everything else is the same."""
    return settings_for(
        database_url=other_database_url,
        environment=settings.environment,
        delivery=settings.delivery,
        dispatch=settings.dispatch,
        evidence=settings.evidence,
    )


@pytest.fixture
def start(sandbox: Sandbox) -> Iterator[Callable[[Settings], Engine]]:
    """Starts the engine of an installation; what still runs ends with the test."""
    running: list[Engine] = []

    def start(settings: Settings) -> Engine:
        deps = open_deps(settings, name="test")
        sender = Sender(deps, lambda: None)
        sender.start()
        running.append(Engine(deps, sender, Factory(settings)))
        return running[-1]

    yield start
    for engine in running:
        stop(engine)


def stop(engine: Engine) -> None:
    """Its server is gone; calls in flight end."""
    if engine.deps.pool.closed:
        return
    assert engine.sender.drain(20)
    engine.deps.close()


def in_mid_campaign(engine: Engine, sandbox: Sandbox, *, delay: float) -> CampaignRow:
    """A running campaign of which some have gone."""
    tenant = engine.factory.tenant()
    instance = engine.factory.instance(tenant)
    sandbox.create_instance(instance.name)
    campaign = engine.factory.campaign(tenant, [instance], contacts=PEOPLE, delay=delay)
    engine.run_until(lambda: len(sandbox.ledger()) >= 5)
    return campaign


def once_each(sandbox: Sandbox) -> Sequence[str]:
    numbers = [entry["number"] for entry in sandbox.ledger()]
    assert len(numbers) == len(set(numbers)), "somebody was written to twice"
    return numbers


def test_a_restored_campaign_sends_to_everybody_once(
    start: Callable[[Settings], Engine],
    settings: Settings,
    fresh: Settings,
    sandbox: Sandbox,
    run: Callable[..., Result],
    tmp_path: Path,
) -> None:
    """Backup in mid-campaign; it goes on for a while; all is lost; restored and released."""
    engine = start(settings)
    campaign = in_mid_campaign(engine, sandbox, delay=0.25)
    backup = tmp_path / "night.dump"
    taken = run(settings, "backup", str(backup), "--json")
    assert taken.exit_code == 0, taken.output
    assert backup.stat().st_mode & 0o777 == 0o600
    before = len(sandbox.ledger())
    engine.run_until(lambda: len(sandbox.ledger()) >= before + 4)
    stop(engine)
    gone = len(once_each(sandbox))
    assert gone < PEOPLE

    put_back = run(fresh, "restore", str(backup), "--json")
    assert put_back.exit_code == 0, put_back.output
    restored = start(fresh)
    for _ in range(3):
        restored.turn()
    assert len(sandbox.ledger()) == gone, "sent before anybody said so"

    held = run(fresh, "restore", "release", "--all", "--json")
    assert held.exit_code == 1, held.output
    (told,) = json.loads(held.stdout)["held"]
    assert told["unproven"] == PEOPLE - gone
    assert told["sent"] == gone
    for _ in range(3):
        restored.turn()
    assert len(sandbox.ledger()) == gone, "sent though nobody ordered it"

    released = run(fresh, "restore", "release", "--all", "--send-unproven", "--json")
    assert released.exit_code == 0, released.output
    restored.run(campaign)
    assert len(once_each(sandbox)) == PEOPLE
    assert restored.factory.recount(campaign).sent == PEOPLE
    assert restored.factory.value("SELECT balanced FROM conservation(%s)", campaign.campaign_id), (
        "conservation"
    )
    assert restored.factory.value("SELECT count(*) FROM messages WHERE duplicate_suspected") == 0
    actions = restored.factory.rows("SELECT action FROM audit_log ORDER BY audit_id")
    assert [action for (action,) in actions] == ["database_restored", "restored_campaign_released"]


def test_without_a_search_that_works_nothing_unproven_is_sent(
    start: Callable[[Settings], Engine],
    settings: Settings,
    fresh: Settings,
    sandbox: Sandbox,
    run: Callable[..., Result],
    tmp_path: Path,
) -> None:
    """The provider does not keep messages: what it does not show may well have been sent."""
    sandbox.tune(save_messages=False)
    engine = start(settings)
    campaign = in_mid_campaign(engine, sandbox, delay=0.05)
    backup = str(tmp_path / "night.dump")
    assert run(settings, "backup", backup).exit_code == 0
    engine.run(campaign)
    stop(engine)
    assert run(fresh, "restore", backup).exit_code == 0

    order = ("restore", "release", "--all", "--send-unproven", "--json")
    refused = run(fresh, *order)
    assert refused.exit_code == 1, refused.output
    answer = json.loads(refused.stdout)
    assert [one["search"] for one in answer["instances"]] == ["fails"]
    assert answer["held"][0]["search_works"] is False

    given_up = run(fresh, "restore", "release", "--all", "--give-up", "--json")
    assert given_up.exit_code == 0, given_up.output
    factory = Factory(fresh)
    counts = factory.recount(campaign)
    assert counts.pending == 0
    assert counts.failed + counts.sent + counts.sending + counts.in_doubt == PEOPLE
    assert factory.value("SELECT balanced FROM conservation(%s)", campaign.campaign_id)


def test_a_restore_that_cannot_be_whole_changes_nothing(
    factory: Factory,
    settings: Settings,
    fresh: Settings,
    run: Callable[..., Result],
    tmp_path: Path,
) -> None:
    """Not over something, not from a changed file, not with the wrong key, not half."""
    factory.campaign(factory.tenant(), contacts=3)
    backup = tmp_path / "night.dump"
    assert run(settings, "backup", str(backup)).exit_code == 0
    Factory(fresh).tenant()

    over = run(fresh, "restore", str(backup))
    assert (over.exit_code, "not empty" in over.output) == (1, True)

    manifest = tmp_path / "night.dump.json"
    whole = manifest.read_text()
    told = json.loads(whole)
    told["rows"]["messages"] += 1
    manifest.write_text(json.dumps(told))
    short = run(fresh, "restore", str(backup), "--replace")
    assert (short.exit_code, "rows instead of" in short.output) == (1, True), short.output
    assert Factory(fresh).value("SELECT count(*) FROM tenants") == 1

    manifest.write_text(whole)
    backup.write_bytes(backup.read_bytes()[:-10])
    cut = run(fresh, "restore", str(backup), "--replace")
    assert (cut.exit_code, "sum differs" in cut.output) == (1, True)


def test_a_backup_names_the_program_that_is_missing(
    settings: Settings, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And what to install."""
    monkeypatch.setattr("deploy.local.binaries._wheel_folders", list)
    monkeypatch.setattr("deploy.local.binaries._system_folders", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = run(settings, "backup", str(tmp_path / "x.dump"))
    assert told.exit_code == 1
    assert "pg_dump is not here" in told.output
    assert "postgresql-client" in told.output
    assert list(tmp_path.iterdir()) == []
