"""What is over its time goes, a bounded number of rows at a look; what a promise needs stays."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from psycopg import sql

from shared.db import campaign_changes, erasures
from shared.db.pool import connection
from shared.settings import Settings
from tests.factories import CampaignRow, Factory
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.erasures import erase_people
from worker.retention import Retention, drop_logs, run_once


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """Small steps."""
    return settings_for(retention={"batch_size": 4})


def ended_long_ago(engine: Engine, sandbox: Sandbox, *, contacts: int = 6) -> CampaignRow:
    """A campaign that ran to its end, everything of it 500 days ago."""
    tenant = engine.factory.tenant()
    instance = engine.factory.instance(tenant)
    sandbox.create_instance(instance.name)
    campaign = engine.factory.campaign(tenant, [instance], contacts=contacts)
    engine.run(campaign)
    with engine.factory.connect() as conn:
        for table, column in (
            ("campaigns", "finished_at"),
            ("campaign_events", "created_at"),
            ("attempts", "started_at"),
            ("campaign_hours", "hour"),
        ):
            conn.execute(
                sql.SQL("UPDATE {0} SET {1} = {1} - interval '500 days'").format(
                    sql.Identifier(table), sql.Identifier(column)
                )
            )
        conn.execute("UPDATE campaign_events SET published_at = created_at")
    return campaign


def counts(factory: Factory) -> tuple[object, ...]:
    """(attempts, events, rollups) that are left."""
    (row,) = factory.rows(
        "SELECT (SELECT count(*) FROM attempts), (SELECT count(*) FROM campaign_events),"
        " (SELECT count(*) FROM campaign_hours)"
    )
    return row


def test_old_rows_go_in_small_steps_and_the_numbers_stay(engine: Engine, sandbox: Sandbox) -> None:
    """Attempts, events, rollups; then people and texts. Conservation holds throughout."""
    campaign = ended_long_ago(engine, sandbox)
    factory = engine.factory
    first = run_once(engine.deps)
    assert (first["attempts"], first["texts"]) == (4, 4)
    assert counts(factory)[0] == 2
    while any(run_once(engine.deps).values()):
        pass
    assert counts(factory) == (0, 0, 0)
    left = factory.rows("SELECT DISTINCT name, phone, variables, body FROM contacts")
    assert left == [("", "", {}, None)]
    assert factory.value("SELECT count(remote_jid) FROM messages") == 0
    assert factory.recount(campaign).sent == 6
    assert factory.value("SELECT balanced FROM conservation(%s)", campaign.campaign_id)


def test_a_doubt_keeps_its_attempt(engine: Engine, sandbox: Sandbox) -> None:
    """A person may still decide it."""
    ended_long_ago(engine, sandbox)
    with engine.factory.connect() as conn:
        conn.execute("UPDATE messages SET status = 'in_doubt' WHERE position = 2")
    while any(run_once(engine.deps).values()):
        pass
    assert engine.factory.rows("SELECT position FROM attempts") == [(2,)]


def test_nobody_erased_is_sent_to_again(engine: Engine, sandbox: Sandbox) -> None:
    """Retrying the failed of an erased campaign finds nobody."""
    campaign = ended_long_ago(engine, sandbox)
    with engine.factory.connect() as conn:
        conn.execute(
            "UPDATE messages SET status = 'failed', reason = 'unreachable' WHERE position = 1"
        )
    while any(run_once(engine.deps).values()):
        pass
    key = (campaign.tenant_id, campaign.campaign_id)
    with engine.factory.connect() as conn, conn.transaction():
        assert campaign_changes.take_back(conn, *key, ["failed"]) == 0  # type: ignore[arg-type]


def test_a_look_comes_now_and_then(engine: Engine, sandbox: Sandbox) -> None:
    """At once while there is more, else after a pause."""
    ended_long_ago(engine, sandbox, contacts=5)
    retention = Retention()
    looks = [retention.look(engine.deps) for _ in range(6)]
    assert looks[0] > 0
    assert looks[-1] == 0
    assert counts(engine.factory)[0] == 0


def test_old_log_files_go_by_the_day_in_their_name(tmp_path: Path) -> None:
    """Files of strangers stay."""
    for name in ("2026-01-01-info.log", "2026-03-01-info.log", "mine.txt"):
        (tmp_path / name).touch()
    assert drop_logs(tmp_path, 30, today=date(2026, 3, 2)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-03-01-info.log", "mine.txt"]
    assert drop_logs(tmp_path, 0, today=date(2030, 1, 1)) == 0


def test_a_campaign_with_an_open_doubt_keeps_its_people(engine: Engine, sandbox: Sandbox) -> None:
    """A doubt is looked up and decided by its text and phone."""
    ended_long_ago(engine, sandbox)
    with engine.factory.connect() as conn:
        conn.execute("UPDATE messages SET status = 'in_doubt' WHERE position = 2")
        conn.execute("UPDATE campaign_counters SET sent = sent - 1, in_doubt = 1")
    while any(run_once(engine.deps).values()):
        pass
    assert engine.factory.value("SELECT count(*) FROM contacts WHERE body IS NOT NULL") == 6
    with engine.factory.connect() as conn:
        conn.execute("UPDATE messages SET status = 'sent' WHERE position = 2")
        conn.execute("UPDATE campaign_counters SET sent = sent + 1, in_doubt = 0")
    while any(run_once(engine.deps).values()):
        pass
    assert engine.factory.value("SELECT count(*) FROM contacts WHERE body IS NOT NULL") == 0


def test_one_person_who_was_erased_is_neither_sent_to_again_nor_copied(
    engine: Engine, sandbox: Sandbox
) -> None:
    factory = engine.factory
    tenant = factory.tenant()
    instance = factory.instance(tenant)
    sandbox.create_instance(instance.name)
    campaign = factory.campaign(tenant, [instance], phones=["5511970000001", "5511970000002"])
    for phone in ("5511970000001", "5511970000002"):
        sandbox.number(phone, on_whatsapp=False)
    engine.run_until(lambda: engine.status(campaign) == "failed")
    key = (campaign.tenant_id, campaign.campaign_id)
    with connection(engine.deps.pool) as conn:
        phone = "5511970000001"
        erasures.request(
            conn, campaign.tenant_id, phone, actor="command", hash_phone=engine.deps.hash_phone
        )
    assert erase_people(engine.deps) == 1
    with connection(engine.deps.pool) as conn:
        assert [one.position for one in campaign_changes.list_contacts(conn, *key)] == [1]
        campaign_changes.lock(conn, *key)
        assert campaign_changes.take_back(conn, *key, ["failed"]) == 1
