"""The events of a campaign, field by field, as a client gets them."""

import itertools
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from shared.db.campaign_creation import NewCampaign, NewContact, create
from shared.events.replay import load_events
from tests.factories import CampaignRow, Factory, InstanceRow, Tenant
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox

Told = Callable[[CampaignRow], list[dict[str, Any]]]


@pytest.fixture
def told(engine: Engine) -> Told:
    """Everything a client that comes late is told of a campaign."""

    def load(campaign: CampaignRow) -> list[dict[str, Any]]:
        stored = load_events(
            engine.deps.pool, campaign.tenant_id, campaign.campaign_id, 0, limit=10_000
        )
        assert [event["seq"] for event in stored] == list(range(1, len(stored) + 1))
        return [event["data"] for event in stored]

    return load


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def with_skips(factory: Factory, tenant: Tenant, instance: InstanceRow) -> CampaignRow:
    """Nine people, two of whom get nothing."""
    rows = [
        NewContact(at, f"Pessoa {at}", f"55119{61000000 + at}", {}, f"Olá Pessoa {at}!", None)
        for at in range(7)
    ]
    rows.append(NewContact(7, "", "5511961000099", {}, None, "empty_name"))
    rows.append(NewContact(8, "Ana", "12", {}, None, "invalid_phone"))
    new = NewCampaign(
        public_id="CAMP-" + secrets.token_hex(13).upper(),
        user_id=tenant.user_id, name="Teste", priority=0, template="Olá {nome}!", image_url=None,
        delay_min=0.0, delay_max=0.0, gap_seconds=0.0, scheduled_at=None, request_id="r-1",
        instance_ids=[instance.instance_id], waiting_reason=None,
    )  # fmt: skip
    with factory.connect() as conn, conn.transaction():
        made = create(conn, tenant.tenant_id, new, rows)  # type: ignore[arg-type]
    return CampaignRow(tenant.tenant_id, made.campaign_id, new.public_id)


def test_start_sent_progress_and_complete(
    engine: Engine, factory: Factory, sandbox: Sandbox, told: Told
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("fields")
    campaign = with_skips(factory, tenant, factory.instance(tenant, name="fields"))
    engine.run(campaign)
    events = told(campaign)
    assert events[0] == {
        "event": "campaign_started", "totalContacts": 9, "reopened": False,
        "validation": {
            "valid": 7, "skipped": 2, "reasons": {"empty_name": 1, "invalid_phone": 1},
        },
        "estimated_seconds_remaining": 0,
    }  # fmt: skip
    sent = sorted(named(events, "message_sent"), key=lambda event: event["phone"])
    assert sent == [
        {
            "event": "message_sent", "contactName": f"Pessoa {at}",
            "phone": f"55119{61000000 + at}", "messageText": f"Olá Pessoa {at}!",
        }
        for at in range(7)
    ]  # fmt: skip
    last = named(events, "progress")[-1]
    assert last == {
        "event": "progress", "currentPosition": 9, "totalContacts": 9, "progressPercentage": 100,
        "sent": 7, "errors": 0, "inDoubt": 0, "skipped": 2, "estimated_seconds_remaining": 0,
    }  # fmt: skip
    complete = events[-1]
    assert complete.pop("duration") >= 0
    assert complete == {
        "event": "campaign_complete", "status": "completed", "totalContacts": 9, "totalSent": 7,
        "totalErrors": 0, "totalInDoubt": 0, "totalSkipped": 2, "totalCancelled": 0,
        "successRate": 100, "completedWithDoubts": False,
    }  # fmt: skip


@pytest.mark.parametrize("contacts", [1, 5, 23, 60])
def test_progress_whenever_a_multiple_of_five_is_passed(
    engine: Engine, factory: Factory, sandbox: Sandbox, told: Told, contacts: int
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance(f"fifth-{contacts}")
    campaign = factory.campaign(
        tenant, [factory.instance(tenant, name=f"fifth-{contacts}")], contacts=contacts
    )
    engine.run(campaign)
    processed = passed = 0
    for event in told(campaign):
        if event["event"] == "message_sent":
            processed += 1
        elif event["event"] == "progress":
            assert event["currentPosition"] == processed
            assert processed // 5 > passed // 5 or processed == contacts
            passed = processed
        else:
            assert processed // 5 == passed // 5, "a multiple of five went by in silence"
    assert passed == contacts


def test_errors_say_what_happens_next(
    engine: Engine, factory: Factory, sandbox: Sandbox, told: Told
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("errors")
    campaign = factory.campaign(
        tenant, [factory.instance(tenant, name="errors")], phones=["5511961230001"]
    )
    match = {"instance": "errors", "route": "sendText"}
    sandbox.faults(
        {"match": match, "times": 1, "do": {"error": "proxy_429"}},
        {"match": match, "times": 1, "do": {"error": "not_on_whatsapp"}},
    )
    engine.run(campaign)
    first, second = named(told(campaign), "message_error")
    wait = first.pop("retryInSeconds")
    assert wait >= 0
    assert first == {
        "event": "message_error", "contactName": "Pessoa 0", "phone": "5511961230001",
        "error": "O serviço de envio pediu para esperar", "errorCode": "provider_busy",
        "attempt": 1, "willRetry": True,
    }  # fmt: skip
    assert second == {
        "event": "message_error", "contactName": "Pessoa 0", "phone": "5511961230001",
        "error": "O número não está no WhatsApp", "errorCode": "not_on_whatsapp", "attempt": 2,
        "willRetry": False,
    }  # fmt: skip


def test_a_doubt_settled_later_is_late_and_moves_the_progress(
    engine: Engine, factory: Factory, sandbox: Sandbox, told: Told
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("late")
    fault = {"error": "timed_out_400", "send": True, "store": True}
    sandbox.faults({"match": {"instance": "late"}, "times": 1, "do": fault})
    campaign = factory.campaign(tenant, [factory.instance(tenant, name="late")], contacts=1)
    engine.run(campaign)
    engine.run_until(lambda: factory.recount(campaign).sent == 1)
    events = told(campaign)
    names = [event["event"] for event in events]
    assert names == [
        "campaign_started", "message_in_doubt", "progress", "campaign_complete", "message_sent",
        "progress",
    ]  # fmt: skip
    assert (events[1]["errorCode"], events[1]["attempt"]) == ("unclear_answer", 1)
    assert (events[3]["completedWithDoubts"], events[3]["totalInDoubt"]) == (True, 1)
    assert events[4]["late"] is True
    assert [(e["sent"], e["inDoubt"], e["currentPosition"]) for e in (events[2], events[5])] == [
        (0, 1, 1), (1, 0, 1),
    ]  # fmt: skip


def test_only_what_had_been_complete_is_reopened(
    engine: Engine, factory: Factory, sandbox: Sandbox, told: Told
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("again")
    campaign = factory.campaign(tenant, [factory.instance(tenant, name="again")], contacts=1)

    def restart(*, reopened: bool) -> None:
        with factory.connect() as conn:
            conn.execute(
                "UPDATE campaigns SET status = 'pending', finished_at = NULL, reopened = %s"
                " WHERE campaign_id = %s",
                (reopened, campaign.campaign_id),
            )

    engine.dispatch()
    restart(reopened=False)  # as after a pause
    engine.run(campaign)
    restart(reopened=True)  # as to send once more
    engine.run(campaign)
    events = told(campaign)
    assert [event["reopened"] for event in named(events, "campaign_started")] == [
        False, False, True,
    ]  # fmt: skip
    assert len(named(events, "campaign_complete")) == 2


def test_what_is_published_names_the_request_that_created_it(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("request")
    campaign = with_skips(factory, tenant, factory.instance(tenant, name="request"))
    with engine.deps.redis.pubsub() as pubsub:
        pubsub.psubscribe("*")
        engine.run(campaign)
        engine.deps.outlet.close()
        heard = [
            message["data"]
            for message in itertools.takewhile(
                lambda message: message is not None, iter(lambda: pubsub.get_message(timeout=1), 0)
            )
            if message["type"] == "pmessage"
        ]
    assert heard
    assert all(b'"requestId":"r-1"' in content for content in heard)
