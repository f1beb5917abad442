"""A person's data go wherever they stand; counters, promises and other people's rows stay."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import sql

from shared.db import campaign_changes, erasures
from shared.db.pool import connection
from tests.factories import CampaignRow, Factory, Tenant
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.erasures import erase_people

THEM, OTHER = "5511970000001", "5511970000002"
NAME = "Ana Canário"

# Every column of every table as text: what is left of a person is found wherever it stands.
TABLES = """
SELECT c.table_name FROM information_schema.tables AS c
 WHERE c.table_schema = 'public' AND c.table_type = 'BASE TABLE' AND c.table_name !~ 'yoyo'
"""

WAITING = "SELECT FROM pg_locks WHERE NOT granted"


def traces(factory: Factory, *words: str) -> set[str]:
    """Tables in which one of the words stands."""
    found = set()
    with factory.connect() as conn:
        for (table,) in conn.execute(TABLES).fetchall():
            query = sql.SQL("SELECT 1 FROM {} AS t WHERE t::text ~ %s LIMIT 1").format(
                sql.Identifier(str(table))
            )
            if conn.execute(query, ("|".join(words),)).fetchone():
                found.add(str(table))
    return found


def ask(engine: Engine, tenant: Tenant, phone: str = THEM) -> None:
    with connection(engine.deps.pool) as conn:
        erasures.request(conn, tenant.tenant_id, phone)


def work(engine: Engine, factory: Factory) -> int:
    with factory.connect() as conn:
        conn.execute("UPDATE erasures SET look_at = now()")
    return erase_people(engine.deps)


@pytest.fixture
def tenant(factory: Factory) -> Tenant:
    return factory.tenant()


def campaign_of_two(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> CampaignRow:
    lane = factory.instance(tenant)
    sandbox.create_instance(lane.name)
    return factory.campaign(tenant, [lane], phones=[THEM, OTHER], names=[NAME, "Bia"])


def test_nothing_is_left_of_them_but_the_suppression_and_every_count(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    campaign = campaign_of_two(engine, factory, sandbox, tenant)
    sandbox.number(THEM, on_whatsapp=False)
    engine.run(campaign)
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO known_lids (tenant_id, lid, phone) VALUES (%s, '7@lid', %s)",
            (tenant.tenant_id, THEM),
        )
        conn.execute("UPDATE attempts SET detail = '5511970000001: not found' WHERE position = 0")
    counters = factory.rows("SELECT * FROM campaign_counters")
    assert "contacts" in traces(factory, THEM, NAME)
    ask(engine, tenant)
    assert work(engine, factory) == 1
    assert traces(factory, THEM, "970000001", NAME) == {"suppressions"}
    assert traces(factory, OTHER) >= {"contacts"}
    assert factory.rows("SELECT * FROM campaign_counters") == counters
    assert factory.value("SELECT bool_and(balanced) FROM conservation(NULL)") is True
    assert factory.rows("SELECT phone, done_at IS NOT NULL, contacts FROM erasures") == [
        (None, True, 1)
    ]
    key = (campaign.tenant_id, campaign.campaign_id)
    with connection(engine.deps.pool) as conn:
        campaign_changes.lock(conn, *key)
        assert campaign_changes.take_back(conn, *key, ["failed"]) == 0
    audited = "SELECT action, detail FROM audit_log WHERE action = 'erasure_done'"
    assert factory.rows(audited) == [("erasure_done", {"contacts": 1})]


def test_what_waits_for_them_is_skipped_and_the_others_get_theirs(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    campaign = campaign_of_two(engine, factory, sandbox, tenant)
    ask(engine, tenant)
    assert work(engine, factory) == 1
    engine.run(campaign)
    assert factory.rows("SELECT status, reason FROM messages ORDER BY position") == [
        ("skipped", "suppressed"),
        ("sent", None),
    ]
    assert [row["number"] for row in sandbox.ledger()] == [OTHER]
    assert factory.value("SELECT bool_and(balanced) FROM conservation(NULL)") is True
    assert NAME not in str(factory.rows("SELECT name, body FROM contacts"))


def test_a_campaign_of_nobody_else_ends(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    campaign = factory.campaign(tenant, phones=[THEM])
    ask(engine, tenant)
    assert work(engine, factory) == 1
    assert engine.status(campaign) == "completed"


def test_a_doubt_waits_for_its_evidence_and_is_given_up_then(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    campaign = campaign_of_two(engine, factory, sandbox, tenant)
    sandbox.faults({"match": {"number": THEM}, "do": {"reset": True, "send": False}})
    engine.run_until(lambda: engine.status(campaign) == "completed")
    ask(engine, tenant)
    assert work(engine, factory) == 0
    assert factory.value("SELECT count(*) FROM messages WHERE status = 'in_doubt'") == 1
    assert "contacts" in traces(factory, NAME)
    with factory.connect() as conn:
        conn.execute("DELETE FROM open_sends")  # the window is over
    assert work(engine, factory) == 1
    assert traces(factory, NAME, THEM) == {"suppressions"}
    assert factory.rows("SELECT sent, failed, in_doubt FROM campaign_counters") == [(1, 1, 0)]
    assert factory.value("SELECT bool_and(balanced) FROM conservation(NULL)") is True


def test_skipped_rows_are_theirs_in_any_form_and_strangers_and_other_tenants_stay(
    engine: Engine, factory: Factory, tenant: Tenant
) -> None:
    elsewhere = factory.tenant()
    factory.campaign(elsewhere, phones=[THEM], names=[NAME])
    campaign = factory.campaign(tenant, contacts=3)
    with factory.connect() as conn:
        for position, given in enumerate(("(11) 97000-0001", "21 97000-0001", "970000001")):
            conn.execute(
                "UPDATE contacts SET phone = %s, body = NULL"
                " WHERE campaign_id = %s AND position = %s",
                (given, campaign.campaign_id, position),
            )
        conn.execute(
            "UPDATE messages SET status = 'skipped', reason = 'suppressed' WHERE campaign_id = %s",
            (campaign.campaign_id,),
        )
    ask(engine, tenant)
    assert work(engine, factory) == 1
    assert factory.rows(
        "SELECT phone FROM contacts WHERE tenant_id = %s ORDER BY position", tenant.tenant_id
    ) == [("",), ("21 97000-0001",), ("970000001",)]
    assert (
        factory.value("SELECT name FROM contacts WHERE tenant_id = %s", elsewhere.tenant_id) == NAME
    )


def test_a_request_is_worked_on_once(engine: Engine, factory: Factory, tenant: Tenant) -> None:
    ask(engine, tenant)
    assert [work(engine, factory), work(engine, factory)] == [1, 0]
    lines = "SELECT count(*) FROM audit_log WHERE action = 'erasure_done'"
    assert factory.value(lines) == 1


def test_a_retry_that_comes_in_between_finds_nobody_to_write_to(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    campaign = campaign_of_two(engine, factory, sandbox, tenant)
    sandbox.number(THEM, on_whatsapp=False)
    engine.run(campaign)
    ask(engine, tenant)
    key = (campaign.tenant_id, campaign.campaign_id)

    def retry() -> int:
        with connection(engine.deps.pool) as conn:
            campaign_changes.lock(conn, *key)
            return campaign_changes.take_back(conn, *key, ["failed"])

    with ThreadPoolExecutor(1) as threads:
        with connection(engine.deps.pool) as conn:
            (due,) = erasures.list_due(conn, limit=1)
            assert erasures.empty(conn, due, erasures.find(conn, due, limit=9)) == 1
            retried = threads.submit(retry)
            until = time.monotonic() + 10
            while not factory.rows(WAITING):
                assert time.monotonic() < until, "the retry did not wait"
        assert retried.result() == 0
