"""From pending rows to sent messages, on real PostgreSQL, Valkey and the sandbox."""

import time
from datetime import datetime, timedelta

import pytest

from tests.factories import Factory
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox


def test_every_contact_is_sent_once_with_its_text(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    name = "sends-all"
    sandbox.create_instance(name)
    campaign = factory.campaign(tenant, [factory.instance(tenant, name=name)], contacts=120)
    engine.run(campaign)

    count = factory.recount(campaign)
    assert (count.sent, count.total) == (120, 120)
    sent = sandbox.ledger(name)
    assert len(sent) == len({entry["number"] for entry in sent}) == 120
    assert {entry["text"] for entry in sent} == {f"Olá Pessoa {at}!" for at in range(120)}
    assert engine.status(campaign) == "completed"


def test_counters_events_and_rollups_move_with_the_verdicts(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("counts")
    phones = [f"551197000{at:04d}" for at in range(23)]
    for phone in phones[:3]:
        sandbox.number(phone, on_whatsapp=False)
    campaign = factory.campaign(tenant, [factory.instance(tenant, name="counts")], phones=phones)
    engine.run(campaign)

    row = factory.rows(
        "SELECT total, sent, failed, processed, seq, attempts FROM campaign_counters"
        " WHERE campaign_id = %s",
        campaign.campaign_id,
    )[0]
    assert row[:4] == (23, 20, 3, 23)
    events = [
        event
        for (batch,) in factory.rows(
            "SELECT events FROM campaign_events WHERE campaign_id = %s ORDER BY last_seq",
            campaign.campaign_id,
        )
        for event in batch  # type: ignore[attr-defined]
    ]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert row[4] == len(events)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "campaign_started"
    assert kinds[-1] == "campaign_complete"
    assert (kinds.count("message_sent"), kinds.count("message_error")) == (20, 3)
    positions = [event["currentPosition"] for event in events if event["event"] == "progress"]
    assert positions == sorted(positions)
    assert positions[-1] == 23
    assert {at // 5 for at in positions} == {1, 2, 3, 4} or positions[0] >= 5
    assert factory.rows(
        "SELECT sum(sent), sum(failed) FROM campaign_hours WHERE campaign_id = %s",
        campaign.campaign_id,
    ) == [(20, 3)]
    assert factory.rows(
        "SELECT code, count FROM campaign_errors WHERE campaign_id = %s", campaign.campaign_id
    ) == [("not_on_whatsapp", 3)]
    assert factory.rows(
        "SELECT sent, failed FROM usage_daily WHERE tenant_id = %s", tenant.tenant_id
    ) == [(20, 3)]


def test_at_most_two_calls_of_an_instance_are_in_flight(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant(in_flight=2)
    sandbox.create_instance("lane")
    sandbox.tune(latency_ms=50)
    lane = [factory.instance(tenant, name="lane")]
    campaigns = [factory.campaign(tenant, lane, contacts=15) for _ in range(3)]
    for campaign in campaigns:
        engine.run(campaign)
    stats = sandbox.stats()
    assert stats["instances"]["lane"]["max_in_flight"] == 2


def test_a_campaign_keeps_its_rate(engine: Engine, factory: Factory, sandbox: Sandbox) -> None:
    tenant = factory.tenant(per_second=10)
    sandbox.create_instance("paced")
    campaign = factory.campaign(tenant, [factory.instance(tenant, name="paced")], contacts=31)
    engine.run(campaign)
    stats = sandbox.stats()
    assert stats["instances"]["paced"]["max_in_any_second"] <= 10
    at = [entry["at"] for entry in sandbox.ledger("paced")]
    assert len(at) == 31


def test_a_message_held_up_on_its_way_keeps_those_after_it_apart(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant(per_second=2)
    sandbox.create_instance("held-up")
    campaign = factory.campaign(tenant, [factory.instance(tenant, name="held-up")], contacts=3)
    engine.run_until(lambda: engine.dispatch() > 0)
    with factory.connect() as conn, conn.transaction():
        conn.execute(
            "SELECT FROM campaigns WHERE campaign_id = %s FOR UPDATE", (campaign.campaign_id,)
        )
        engine.deliver()
        time.sleep(0.4)  # its turn has come, but it cannot begin
    engine.run(campaign)
    first, _, third = (datetime.fromisoformat(row["at"]) for row in sandbox.ledger("held-up"))
    assert third - first >= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fault", "sent", "state"),
    [
        ({"error": "timed_out_400", "send": True}, 1, "sent"),
        ({"reset": True, "send": True}, 1, "sent"),
        ({"error": "created_unreadable_body"}, 1, "sent"),
        ({"error": "connection_closed_400", "send": False}, 0, "in_doubt"),
        ({"error": "not_on_whatsapp"}, 0, "failed"),
        ({"error": "schema_violation_400"}, 0, "failed"),
    ],
)
def test_an_answer_is_believed_only_as_far_as_it_proves(
    engine: Engine,
    factory: Factory,
    sandbox: Sandbox,
    fault: dict[str, object],
    sent: int,
    state: str,
) -> None:
    tenant = factory.tenant()
    name = f"proof-{abs(hash(str(fault))) % 10**8}"
    sandbox.create_instance(name)
    fault = {**fault, "store": True} if fault.get("send") else fault
    sandbox.faults({"match": {"instance": name}, "times": 1, "do": fault})
    campaign = factory.campaign(tenant, [factory.instance(tenant, name=name)], contacts=1)
    engine.run(campaign)

    def settled() -> bool:
        return getattr(factory.recount(campaign), state) == 1

    engine.run_until(settled, seconds=10)
    assert len(sandbox.ledger(name)) == sent
