"""What counts as evidence for a doubt, and what does not: one test per condition of a match."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from psycopg.types.json import Jsonb

from shared.db import open_sends
from shared.db.pool import connection
from shared.settings import Settings
from tests.factories import CampaignRow, Factory, InstanceRow, Tenant
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.evidence import look_up_all, reconcile
from worker.receipts import apply_inbox

NOT_SENT = {"match": {"route": "message/*"}, "do": {"error": "timed_out_400"}}
PHONE = "5531987654321"  # WhatsApp knows it without the ninth digit


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """Quick times; the provider's clock may differ by a minute."""
    return settings_for(
        delivery={"call_deadline_seconds": 2, "lease_seconds": 3, "lease_margin_seconds": 0.5},
        evidence={
            "quiet_margin_seconds": 0.1,
            "looks_after_seconds": (0.0, 0.5, 1.0, 2.0, 4.0),
            "clock_tolerance_seconds": 60,
            "search_pages": 2,
        },
    )


@pytest.fixture
def tenant(factory: Factory) -> Tenant:
    return factory.tenant()


@pytest.fixture
def lane(factory: Factory, sandbox: Sandbox, tenant: Tenant) -> InstanceRow:
    row = factory.instance(tenant)
    sandbox.create_instance(row.name)
    return row


@pytest.fixture
def doubt(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> CampaignRow:
    """One message to PHONE that may have been sent, and was not."""
    sandbox.faults(NOT_SENT)
    campaign = factory.campaign(tenant, [lane], phones=[PHONE], template="Olá!")
    engine.run(campaign)
    sandbox.faults()
    assert factory.recount(campaign).in_doubt == 1
    return campaign


def send(sandbox: Sandbox, lane: InstanceRow, *, number: str = PHONE, text: str = "Olá!") -> str:
    """Somebody sends beside us; returns the message's id."""
    answer = sandbox.client.post(
        f"/message/sendText/{lane.name}", json={"number": number, "text": text}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"]["id"])


def look(engine: Engine, doubt: CampaignRow) -> bool:
    """Ask the provider now; whether the doubt ended as sent."""
    with engine.factory.connect() as conn:
        conn.execute("UPDATE open_sends SET next_look_at = clock_timestamp()")
    reconcile(engine.deps)
    return engine.factory.recount(doubt).sent == 1


def test_the_number_is_looked_up_in_both_its_forms(
    engine: Engine, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    key = send(sandbox, lane, number="553187654321")
    assert look(engine, doubt)
    found = engine.factory.rows("SELECT provider_id, remote_jid FROM messages")
    assert found == [(key, "553187654321@s.whatsapp.net")]
    assert engine.factory.value("SELECT lookup_found_at IS NOT NULL FROM instances")


@pytest.mark.parametrize(
    "other", [{"text": "Olá !"}, {"text": "olá!"}, {"number": "5531987654322"}]
)
def test_another_text_or_another_person_proves_nothing(
    other: dict[str, str], engine: Engine, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    send(sandbox, lane, **other)
    assert not look(engine, doubt)


def test_another_number_of_ours_proves_nothing(
    engine: Engine,
    factory: Factory,
    sandbox: Sandbox,
    lane: InstanceRow,
    tenant: Tenant,
    doubt: CampaignRow,
) -> None:
    other = factory.instance(tenant)
    sandbox.create_instance(other.name)
    send(sandbox, other)
    assert not look(engine, doubt)


def test_what_the_person_writes_proves_nothing(
    engine: Engine, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    sandbox.inbound(lane.name, sender=PHONE, text="Olá!")
    assert not look(engine, doubt)


@pytest.mark.parametrize("seconds", [-70, 70])
def test_a_message_outside_the_attempts_window_proves_nothing(
    seconds: int, engine: Engine, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    send(sandbox, lane)
    with engine.factory.connect() as conn:  # as if the attempt had been made at another time
        conn.execute(
            "UPDATE open_sends SET started_at = started_at + make_interval(secs => %s)", (seconds,)
        )
    assert not look(engine, doubt)


def test_a_message_that_belongs_to_another_of_ours_proves_nothing(
    engine: Engine,
    factory: Factory,
    sandbox: Sandbox,
    lane: InstanceRow,
    tenant: Tenant,
    doubt: CampaignRow,
) -> None:
    key = send(sandbox, lane)
    other = factory.campaign(tenant, [lane], contacts=1)
    with factory.connect() as conn:
        conn.execute(
            "UPDATE messages SET status = 'sent', sent_at = now(), provider_id = %s,"
            " instance_id = %s WHERE campaign_id = %s",
            (key, lane.instance_id, other.campaign_id),
        )
    assert not look(engine, doubt)
    assert factory.value("SELECT lookup_found_at FROM instances") is None


def test_a_person_known_by_a_hidden_id_is_looked_up_by_it(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    sandbox.number(PHONE, on_whatsapp=True, jid="77@lid")
    engine.run(factory.campaign(tenant, [lane], phones=[PHONE], template="Antes"))
    assert factory.value("SELECT remote_jid FROM messages") == "77@lid"
    after_send = {"match": {"route": "message/*"}, "do": {"error": "proxy_504_after_send"}}
    sandbox.faults(after_send)
    doubt = factory.campaign(tenant, [lane], phones=[PHONE], template="Olá!")
    engine.run(doubt)
    assert look(engine, doubt)


def test_evidence_is_found_behind_the_first_page(
    engine: Engine, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    key = send(sandbox, lane)
    for number in range(60):  # newer ones come first
        send(sandbox, lane, text=f"Outra {number}")
    assert look(engine, doubt)
    assert engine.factory.value("SELECT provider_id FROM messages") == key


def test_a_search_that_is_cut_proves_nothing_and_is_counted(
    engine: Engine, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    """More messages than it reads pages of: the look was not answered."""
    send(sandbox, lane)
    for number in range(100):
        send(sandbox, lane, text=f"Outra {number}")
    cut = "rapidflow_searches_cut_total"
    before = REGISTRY.get_sample_value(cut) or 0.0
    assert not look(engine, doubt)
    assert (REGISTRY.get_sample_value(cut) or 0.0) > before
    with engine.factory.connect() as conn:
        conn.execute("UPDATE open_sends SET next_look_at = clock_timestamp()")
    with connection(engine.deps.pool) as conn:
        doubts = open_sends.claim_doubts(conn, limit=1, looks_after_seconds=(0.0,))
    assert look_up_all(engine.deps, doubts) == [None]


def test_a_caption_is_the_text_of_an_image_and_of_nothing_else(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    with factory.connect() as conn:
        conn.execute("UPDATE campaigns SET image_url = 'https://example.com/a.png'")
    send(sandbox, lane)  # the same words without the image
    assert not look(engine, doubt)
    body = _event(lane, "3EB0IMAGE", message={"imageMessage": {"caption": "Olá!"}})
    _webhook(factory, lane, body)
    apply_inbox(engine.deps)
    assert factory.rows("SELECT status, provider_id FROM messages") == [("sent", "3EB0IMAGE")]


def test_a_text_with_a_link_preview_is_a_text(
    engine: Engine, factory: Factory, lane: InstanceRow, doubt: CampaignRow
) -> None:
    message = {"extendedTextMessage": {"text": "Olá!"}}
    _webhook(factory, lane, _event(lane, "3EB0LINK", message=message))
    apply_inbox(engine.deps)
    assert factory.value("SELECT provider_id FROM messages") == "3EB0LINK"


def test_an_acknowledgement_nobody_expects_has_the_provider_asked_at_once(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, doubt: CampaignRow
) -> None:
    key = send(sandbox, lane)
    with factory.connect() as conn:
        conn.execute("UPDATE open_sends SET next_look_at = now() + interval '1 hour', looks = 4")
    ack = {"keyId": key, "remoteJid": f"{PHONE}@s.whatsapp.net", "status": "DELIVERY_ACK"}
    _webhook(factory, lane, ack, event="messages.update")
    apply_inbox(engine.deps)
    reconcile(engine.deps)
    assert factory.value("SELECT provider_id FROM messages") == key


def _event(lane: InstanceRow, key: str, *, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": {"id": key, "fromMe": True, "remoteJid": f"{PHONE}@s.whatsapp.net"},
        "message": message,
        "messageTimestamp": int(time.time()),
    }


def _webhook(
    factory: Factory, lane: InstanceRow, body: object, *, event: str = "send.message"
) -> None:
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
            " VALUES (%s, %s, %s, gen_random_uuid()::text, %s)",
            (lane.tenant_id, lane.instance_id, event, Jsonb(body)),
        )
