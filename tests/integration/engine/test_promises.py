"""What must hold when things arrive twice, late, broken or in the wrong order."""

import time
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from shared.db import messages
from shared.db.pool import connection
from tests.factories import CampaignRow, Factory, InstanceRow
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.attempts import Attempts, Begun
from worker.receipts import apply_inbox


def _webhook(factory: Factory, instance: InstanceRow, event: str, body: object) -> None:
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
            " VALUES (%s, %s, %s, %s, %s)",
            (instance.tenant_id, instance.instance_id, event, str(uuid4()), Jsonb(body)),
        )


def test_a_batch_delivered_twice_is_sent_once(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("twice")
    sandbox.tune(latency_ms=50)
    campaign = factory.campaign(tenant, [factory.instance(tenant, name="twice")], contacts=20)
    engine.dispatch()
    engine.batches *= 3
    engine.deliver()
    engine.run(campaign)
    numbers = [entry["number"] for entry in sandbox.ledger("twice")]
    assert len(numbers) == len(set(numbers)) == 20
    assert sandbox.stats()["instances"]["twice"]["max_in_flight"] <= 2


def test_copies_in_one_commit_begin_one_attempt(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    factory.campaign(tenant, [factory.instance(tenant)], contacts=1)
    engine.dispatch()
    (batch,) = engine.batches
    engine.batches.clear()
    with connection(engine.deps.pool) as conn:
        (message,) = messages.load_leased(conn, batch.lease_id, batch.messages)
    attempts = Attempts(engine.deps)
    results = attempts._begin_all([(message, batch.lease_id)] * 2)
    attempts.close()
    assert [isinstance(one, Begun) for one in results] == [True, False]
    assert results[1] == "lease_lost"


def test_a_broken_webhook_holds_up_no_other(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    instance = factory.instance(factory.tenant())
    for body in ({"key": "x"}, {"key": {"id": 7}, "message": "y"}, [1], "text", None, {"key": []}):
        _webhook(factory, instance, "send.message", body)
        _webhook(factory, instance, "messages.upsert", body)
        _webhook(factory, instance, "messages.update", body)
    inbound = {
        "key": {"remoteJid": "5511970000001@s.whatsapp.net", "fromMe": False, "id": "A"},
        "message": {"conversation": "SAIR"},
        "messageTimestamp": {"low": 1, "high": 0, "unsigned": False},
    }
    _webhook(factory, instance, "messages.upsert", inbound)
    apply_inbox(engine.deps)
    assert factory.value("SELECT phone FROM suppressions") == "5511970000001"


def test_a_cancelled_campaign_ends_though_its_worker_died_before_saying_so(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    campaign = factory.campaign(tenant, [factory.instance(tenant)], contacts=2)
    engine.dispatch()
    engine.batches.clear()
    with factory.connect() as conn:
        conn.execute(
            "UPDATE campaigns SET status = 'cancelled' WHERE campaign_id = %s",
            (campaign.campaign_id,),
        )
        conn.execute("UPDATE messages SET status = 'cancelled', lease_id = NULL")
        conn.execute("UPDATE campaign_counters SET cancelled = 2")
    engine.turn()
    assert factory.rows("SELECT status, finished_at IS NOT NULL FROM campaigns") == [
        ("cancelled", True)
    ]
    assert factory.rows("SELECT * FROM campaign_pace") == []


def test_one_message_probes_an_instance_that_rested(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("probe")
    lane = factory.instance(tenant, name="probe")
    campaigns = [factory.campaign(tenant, [lane], contacts=3) for _ in range(4)]
    with factory.connect() as conn:
        conn.execute(
            "UPDATE lanes SET breaker_state = 'open', times_opened = 1,"
            " open_until = clock_timestamp() - interval '1 s'"
        )
        conn.execute("UPDATE instances SET checked_at = clock_timestamp()")
    sandbox.faults({"match": {"instance": "probe"}, "do": {"error": "connection_closed_400"}})
    engine.dispatch()
    engine.deliver()
    deadline = time.monotonic() + 10
    while factory.value("SELECT lease_id IS NOT NULL FROM lanes"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert sum(factory.recount(campaign).in_doubt for campaign in campaigns) == 1
    sandbox.faults()
    for campaign in campaigns:
        engine.run_until(lambda one=campaign: _all_known(engine, one), seconds=20)  # type: ignore[misc]


def _all_known(engine: Engine, campaign: CampaignRow) -> bool:
    count = engine.factory.recount(campaign)
    return count.sent + count.in_doubt == count.total


def test_several_numbers_share_a_slow_campaign(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    names = ["share-a", "share-b", "share-c"]
    for name in names:
        sandbox.create_instance(name)
    lanes = [factory.instance(tenant, name=name) for name in names]
    campaign = factory.campaign(tenant, lanes, contacts=6, delay=6.0)
    for _ in range(3):
        engine.dispatch()
        engine.deliver()
        with factory.connect() as conn:  # the next slot is due
            deadline = time.monotonic() + 10
            while factory.recount(campaign).pending + len(sandbox.ledger()) < 6:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            while conn.execute("SELECT FROM lanes WHERE lease_id IS NOT NULL").fetchone():
                time.sleep(0.02)
            conn.execute("UPDATE campaign_pace SET next_slot_at = now(), next_due_at = now()")
    assert sorted(entry["instance"] for entry in sandbox.ledger()) == names


def test_two_campaigns_never_have_two_open_sends_to_one_person(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant(in_flight=2)
    sandbox.create_instance("one-open")
    sandbox.tune(latency_ms=150)
    lane = factory.instance(tenant, name="one-open")
    first, second = (
        factory.campaign(tenant, [lane], phones=["5511981110001"], template=f"{word} {{nome}}")
        for word in ("Olá", "Oi")
    )
    engine.run(first)
    engine.run(second)
    sent = sandbox.ledger("one-open")
    assert sorted(entry["text"] for entry in sent) == ["Oi Pessoa 0", "Olá Pessoa 0"]


def test_a_message_of_another_tenant_is_invisible_to_the_app_role(factory: Factory) -> None:
    mine, other = factory.tenant(), factory.tenant()
    factory.campaign(other, [factory.instance(other)], contacts=2)
    with factory.connect("rapidflow_app") as conn, conn.transaction():
        assert conn.execute("SELECT count(*) FROM messages").fetchone() == (0,)
        conn.execute("SELECT set_config('app.tenant', %s, true)", (str(mine.tenant_id),))
        assert conn.execute("SELECT count(*) FROM contacts").fetchone() == (0,)
        try:
            conn.execute(
                "INSERT INTO suppressions (tenant_id, phone, reason) VALUES (%s, '1', 'x')",
                (other.tenant_id,),
            )
        except psycopg.errors.InsufficientPrivilege:
            return
    raise AssertionError("a row of another tenant was written")
