"""A person's data go wherever they stand; counters, promises and other people's rows stay."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import sql

from shared.db import campaign_changes, erasures, suppressions, texts
from shared.db.pool import connection
from tests.factories import CampaignRow, Factory, Tenant
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.erasures import erase_people
from worker.receipts import apply_inbox

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
        erasures.request(
            conn, tenant.tenant_id, phone, actor="user:1", hash_phone=engine.deps.hash_phone
        )


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


def test_nothing_is_left_of_them_but_a_hash_and_every_count(
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
    assert traces(factory, THEM, "970000001", NAME) == set()
    kept = "SELECT phone, phone_hash, reason FROM suppressions"
    assert factory.rows(kept) == [(None, engine.deps.hash_phone(tenant.tenant_id, THEM), "erased")]
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
    audited = "SELECT actor, action, detail FROM audit_log ORDER BY audit_id"
    assert factory.rows(audited) == [
        ("user:1", "erasure_requested", {}),
        ("engine", "erasure_done", {"contacts": 1}),
    ]


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
    assert traces(factory, NAME, THEM) == set()
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


def test_a_list_that_names_them_again_is_skipped_at_the_moment_of_sending(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    """Its rows came in beside the erasure, so nobody had judged them."""
    ask(engine, tenant)
    assert work(engine, factory) == 1
    campaign = campaign_of_two(engine, factory, sandbox, tenant)
    engine.run(campaign)
    assert [row["number"] for row in sandbox.ledger()] == [OTHER]
    assert factory.rows("SELECT status, reason FROM messages ORDER BY position") == [
        ("skipped", "suppressed"),
        ("sent", None),
    ]


def test_an_opt_out_stays_one_and_they_may_say_so_again(
    engine: Engine, factory: Factory, tenant: Tenant
) -> None:
    def say_it() -> int:
        with connection(engine.deps.pool) as conn:
            return suppressions.add_suppressions(
                conn, tenant.tenant_id, [THEM], "opt_out", hash_phone=engine.deps.hash_phone
            )

    assert say_it() == 1
    before = factory.rows("SELECT suppression_id, created_at, reason FROM suppressions")
    for _ in range(2):
        ask(engine, tenant)
        assert work(engine, factory) == 1
        assert say_it() == 0
    assert factory.rows("SELECT suppression_id, created_at, reason FROM suppressions") == before
    assert traces(factory, THEM) == set()


def test_a_phone_that_came_in_beside_the_hash_goes_with_the_next_erasure(
    engine: Engine, factory: Factory, tenant: Tenant
) -> None:
    ask(engine, tenant)
    work(engine, factory)
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO suppressions (tenant_id, phone, reason) VALUES (%s, %s, 'manual')",
            (tenant.tenant_id, THEM),
        )
    ask(engine, tenant)
    assert work(engine, factory) == 1
    assert factory.rows("SELECT phone, reason FROM suppressions") == [(None, "erased")]


def test_webhooks_that_name_them_go_once_they_are_read(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    """By any form of their number and by their hidden id; other people's stay."""
    instance = factory.instance(tenant)
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO known_lids (tenant_id, lid, phone) VALUES (%s, '77@lid', %s)",
            (tenant.tenant_id, THEM),
        )
        for key, jid, read in (
            ("short", "551170000001@s.whatsapp.net", True),
            ("hidden", "77@lid", True),
            ("other", f"{OTHER}@s.whatsapp.net", True),
            ("unread", f"{THEM}@s.whatsapp.net", False),
        ):
            conn.execute(
                "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body,"
                " settled_at) VALUES (%s, %s, 'messages.upsert', %s, %s,"
                " CASE WHEN %s THEN now() END)",
                (
                    tenant.tenant_id,
                    instance.instance_id,
                    key,
                    json.dumps({"key": {"remoteJid": jid}, "pushName": NAME}),
                    read,
                ),
            )
    left = "SELECT dedupe_key FROM provider_inbox ORDER BY inbox_id"
    ask(engine, tenant)
    assert work(engine, factory) == 0
    assert factory.rows(left) == [("other",), ("unread",)]
    apply_inbox(engine.deps)
    assert work(engine, factory) == 1
    assert factory.rows(left) == [("other",)]


def test_what_waits_for_its_text_is_skipped_without_one(
    engine: Engine, factory: Factory, sandbox: Sandbox, tenant: Tenant
) -> None:
    campaign = campaign_of_two(engine, factory, sandbox, tenant)
    with factory.connect() as conn, conn.transaction():
        key = (campaign.tenant_id, campaign.campaign_id)
        texts.insert_waiting(conn, *key)  # type: ignore[arg-type]
        conn.execute("UPDATE messages SET due_at = 'infinity'")
    ask(engine, tenant)
    assert work(engine, factory) == 1
    assert factory.rows("SELECT position FROM message_texts") == [(1,)]
    assert factory.value("SELECT waiting FROM campaign_texts") == 1
    assert factory.rows("SELECT status FROM messages ORDER BY position") == [
        ("skipped",),
        ("pending",),
    ]
    assert traces(factory, NAME, THEM) == set()
