"""Breakers that tell: campaigns hear of numbers that rest, whoever made them rest."""

import time
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
        states = circuits.list_states(conn, unconfirmed_after_seconds=600)  # type: ignore[arg-type]
    assert [(lane.name, lane.state) for lane in states] == [(instance.name, "open")]
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


def rested(factory: Factory, *, reason: str) -> None:
    """Every number's rest is over: the next look asks Evolution, then a message probes it."""
    with factory.connect() as conn:
        conn.execute(
            "UPDATE lanes SET breaker_state = 'open', times_opened = 1, errors_in_a_row = 6,"
            " rest_reason = %s, opened_at = now() - interval '9 s',"
            " open_until = clock_timestamp() - interval '1 s'",
            (reason,),
        )
        conn.execute("UPDATE instances SET checked_at = now() - interval '1 min'")


def test_an_evolution_that_does_not_answer_the_question_costs_no_message(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    campaign, instance = scene(3)
    rested(factory, reason="connect_failed")
    match = {"route": "connectionState", "instance": instance.name}
    sandbox.faults({"match": match, "do": {"reset": True}})
    refresh_connections(engine.deps)
    assert engine.dispatch() == 0
    assert factory.rows(
        "SELECT breaker_state, times_opened, rest_reason, open_until > now() FROM lanes"
    ) == [("open", 2, "connect_failed", True)]
    assert factory.recount(campaign).pending == 3
    sandbox.faults()
    engine.run(campaign)
    assert factory.recount(campaign).sent == 3
    assert factory.value("SELECT max(attempts) FROM messages") == 1


def test_a_refused_contact_is_no_probe_and_the_reason_of_the_rest_stays(
    engine: Engine, factory: Factory, sandbox: Sandbox, scene: Scene
) -> None:
    campaign, instance = scene(6)
    rested(factory, reason="timeout")
    phone = str(factory.value("SELECT phone FROM contacts WHERE position = 0"))
    sandbox.number(phone, on_whatsapp=False)
    refresh_connections(engine.deps)
    engine.dispatch()
    engine.deliver()
    until = time.monotonic() + 10
    while factory.value("SELECT lease_id FROM lanes") is not None:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert factory.rows("SELECT breaker_state, rest_reason, times_opened FROM lanes") == [
        ("open", "timeout", 1)
    ]
    assert (factory.recount(campaign).failed, sandbox.ledger(instance.name)) == (1, [])
    engine.run(campaign)
    assert events(factory, campaign, "circuit_open") == []
    assert len(events(factory, campaign, "circuit_closed")) == 1
    assert factory.rows("SELECT breaker_state, rest_reason, opened_at FROM lanes") == [
        ("closed", None, None)
    ]


def test_a_reason_for_a_longer_rest_makes_it_longer(
    engine: Engine, factory: Factory, scene: Scene
) -> None:
    scene(1)
    lane = int(str(factory.value("SELECT instance_id FROM lanes")))

    def trip(rest: float, *, longer: bool) -> int:
        with factory.connect() as conn, conn.transaction():
            return len(
                circuits.trip(
                    conn,  # type: ignore[arg-type]  # rows of the test's connection are not typed
                    [lane],
                    reason="timeout",
                    rest_seconds=rest,
                    ceiling_seconds=600,
                    longer=longer,
                )
            )

    def left() -> float:
        return float(str(factory.value("SELECT extract(epoch FROM open_until - now()) FROM lanes")))

    assert trip(30, longer=False) == 1
    assert 29 < left() <= 33
    assert trip(300, longer=False) == 0
    assert trip(1800, longer=True) == 1
    assert 1799 < left() <= 1980
    assert trip(30, longer=True) == 0
