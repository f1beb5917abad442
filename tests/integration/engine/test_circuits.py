"""Breakers that tell: campaigns hear of numbers that rest, whoever made them rest."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from shared.db import circuits
from tests.factories import CampaignRow, Factory, InstanceRow
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.connections import refresh_connections
from worker.receipts import apply_inbox


@pytest.fixture
def scene(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> Callable[..., tuple[CampaignRow, InstanceRow]]:
    """`scene(contacts)`: a campaign on a number that is open at the provider."""

    def make(contacts: int, *, delay: float = 0.0) -> tuple[CampaignRow, InstanceRow]:
        tenant = factory.tenant()
        instance = factory.instance(tenant)
        sandbox.create_instance(instance.name)
        return factory.campaign(tenant, [instance], contacts=contacts, delay=delay), instance

    return make


def events(factory: Factory, campaign: CampaignRow, *names: str) -> list[dict[str, object]]:
    rows = factory.rows(
        "SELECT e FROM campaign_events, jsonb_array_elements(events) AS e"
        " WHERE campaign_id = %s ORDER BY (e->>'seq')::int",
        campaign.campaign_id,
    )
    return [row[0] for row in rows if row[0]["event"] in names]  # type: ignore[index, misc, call-overload]


def receipt(factory: Factory, instance: InstanceRow, key_id: str, status: str, jid: str) -> None:
    body = {"keyId": key_id, "remoteJid": jid, "fromMe": True, "status": status}
    inbox(factory, instance, "messages.update", body)


def inbox(factory: Factory, instance: InstanceRow, event: str, body: object) -> None:
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
            " VALUES (%s, %s, %s, %s, %s)",
            (instance.tenant_id, instance.instance_id, event, uuid4().hex, Jsonb(body)),
        )


Scene = Callable[..., tuple[CampaignRow, InstanceRow]]


def test_campaigns_are_told_when_a_number_rests_and_when_it_sends_again(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    campaign, instance = scene(12)
    match = {"match": {"route": "message/*", "instance": instance.name}}
    sandbox.faults({**match, "do": {"error": "connection_closed_500"}})
    engine.run_until(lambda: bool(events(factory, campaign, "circuit_open")))
    (opened, *_) = events(factory, campaign, "circuit_open")
    assert opened["instance"] == instance.name
    assert opened["reason"] == "instance_offline"
    assert opened["reasonText"] == "O número remetente está desconectado"
    assert str(opened["openUntil"]).endswith("Z")
    sandbox.faults()
    engine.run(campaign)
    told = events(factory, campaign, "circuit_open", "circuit_closed")
    assert told[-1]["event"] == "circuit_closed"
    assert [event["event"] for event in told].count("circuit_closed") == 1
    assert factory.recount(campaign).sent == 12
    assert factory.value("SELECT max(failures) FROM messages") == 0  # no attempt was lost


def test_a_number_that_closes_rests_at_once_and_goes_on_by_itself(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    campaign, instance = scene(200, delay=0.05)
    engine.run_until(lambda: factory.recount(campaign).sent > 5)
    sandbox.set_state(instance.name, state="close", statusReason=401)
    with factory.connect() as conn:
        conn.execute("UPDATE instances SET checked_at = '-infinity'")
    refresh_connections(engine.deps)
    (opened,) = events(factory, campaign, "circuit_open")
    assert opened["reason"] == "instance_offline"
    sandbox.set_state(instance.name, state="open")
    with factory.connect() as conn:
        conn.execute("UPDATE instances SET checked_at = '-infinity'")
    engine.run(campaign, seconds=60)
    assert len({entry["number"] for entry in sandbox.ledger(instance.name)}) == 200


def test_a_run_of_refusals_by_whatsapp_rests_the_number(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    sandbox.tune(ack_delay_ms=3_600_000)
    campaign, instance = scene(300, delay=0.02)
    engine.run_until(lambda: factory.recount(campaign).sent >= 7)
    sent = sandbox.ledger(instance.name)[:7]
    for entry in sent[:5]:
        receipt(factory, instance, entry["key_id"], "ERROR", entry["jid"])
        apply_inbox(engine.deps)
    assert events(factory, campaign, "circuit_open") == []
    receipt(factory, instance, sent[5]["key_id"], "ERROR", sent[5]["jid"])
    apply_inbox(engine.deps)
    (opened,) = events(factory, campaign, "circuit_open")
    assert opened["reason"] == "refused_by_whatsapp"
    with factory.connect() as conn:
        assert circuits.list_resting(conn) == [(instance.name, "open")]  # type: ignore[arg-type]
    rest = factory.value("SELECT extract(epoch FROM open_until - now()) FROM lanes")
    assert float(str(rest)) > 1700
    assert factory.value("SELECT count(*) FROM messages WHERE status = 'failed'") == 0


def test_whatever_whatsapp_takes_ends_the_run(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    sandbox.tune(ack_delay_ms=3_600_000)
    campaign, instance = scene(12)
    engine.run(campaign)
    for number, entry in enumerate(sandbox.ledger(instance.name)):
        status = "SERVER_ACK" if number == 5 else "ERROR"
        receipt(factory, instance, entry["key_id"], status, entry["jid"])
        apply_inbox(engine.deps)
    assert factory.value("SELECT breaker_state FROM lanes") == "open"  # six after the one taken
    with factory.connect() as conn:
        conn.execute("UPDATE lanes SET breaker_state = 'closed', ack_errors = 0")
    for entry in sandbox.ledger(instance.name)[:5]:
        receipt(factory, instance, entry["key_id"], "ERROR", entry["jid"])
    receipt(factory, instance, sandbox.ledger(instance.name)[6]["key_id"], "READ", "x")
    apply_inbox(engine.deps)
    assert factory.value("SELECT breaker_state FROM lanes") == "closed"


def test_an_opt_out_by_lid_finds_its_person(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    campaign, instance = scene(1)
    engine.run(campaign)
    (entry,) = sandbox.ledger(instance.name)
    receipt(factory, instance, entry["key_id"], "DELIVERY_ACK", "99887766@lid")
    apply_inbox(engine.deps)
    body = {
        "key": {"remoteJid": "99887766@lid", "fromMe": False, "id": "L1"},
        "message": {"conversation": " Sair! "},
        "messageTimestamp": 1,
    }
    inbox(factory, instance, "messages.upsert", body)
    apply_inbox(engine.deps)
    assert factory.value("SELECT count(*) FROM suppressions") == 1
    assert factory.value("SELECT replied FROM campaign_counters") == 1
