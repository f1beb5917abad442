"""Receipts in any order: ranks only rise, counters equal a recount, LIDs find their person."""

import time
from collections.abc import Iterator
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from redis.client import PubSub

from shared.events.models import channel as channel_of
from tests.factories import CampaignRow, Factory, InstanceRow
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.receipts import apply_inbox

RANKS = {
    "PENDING": None, "ERROR": 0, "FAILED": 0, "SERVER_ACK": 1, "SENT": 1, "DELIVERY_ACK": 2,
    "DELIVERED": 2, "READ": 3, "PLAYED": 3,
}  # fmt: skip
STATUS_OF = {0: "sent", 1: "sent", 2: "delivered", 3: "read"}
PEOPLE = 3

Sent = tuple[CampaignRow, InstanceRow, list[str]]


@pytest.fixture
def sent(engine: Engine, factory: Factory, sandbox: Sandbox) -> Sent:
    """A campaign that has been sent, none of it confirmed; its provider ids by position."""
    tenant = factory.tenant()
    instance = factory.instance(tenant)
    sandbox.create_instance(instance.name)
    campaign = factory.campaign(tenant, [instance], contacts=PEOPLE)
    engine.run(campaign)
    ids = factory.rows("SELECT provider_id FROM messages ORDER BY position")
    return campaign, instance, [str(row[0]) for row in ids]


def told(factory: Factory, instance: InstanceRow, event: str, *bodies: object) -> None:
    with factory.connect() as conn:
        for body in bodies:
            conn.execute(
                "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
                " VALUES (%s, %s, %s, %s, %s)",
                (instance.tenant_id, instance.instance_id, event, uuid4().hex, Jsonb(body)),
            )


def receipt(key_id: str, status: str, jid: str = "x@s.whatsapp.net") -> dict[str, object]:
    return {"keyId": key_id, "remoteJid": jid, "fromMe": True, "status": status}


def written(jid: str, text: str, **key: object) -> dict[str, object]:
    return {
        "key": {"remoteJid": jid, "fromMe": False, "id": uuid4().hex, **key},
        "message": {"conversation": text},
        "messageTimestamp": 1,
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    story=st.lists(
        st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from(sorted(RANKS)), st.booleans()),
        max_size=14,
    )
)
def test_receipts_in_any_order_end_at_the_highest_rank_and_counters_equal_a_recount(
    engine: Engine, factory: Factory, sent: Sent, story: list[tuple[int, str, bool]]
) -> None:
    _, instance, ids = sent
    with factory.connect() as conn:
        conn.execute(
            "UPDATE messages SET status = 'sent', acked_at = NULL, delivered_at = NULL,"
            " read_at = NULL, refused_at = NULL, reason = NULL"
        )
        conn.execute("UPDATE campaign_counters SET delivered = 0, read = 0")
    highest = [0] * PEOPLE
    before = (0, 0)
    for position, status, apply_now in story:
        told(factory, instance, "messages.update", receipt(ids[position], status))
        highest[position] = max(highest[position], RANKS[status] or 0)
        if apply_now:  # otherwise several are applied together
            apply_inbox(engine.deps)
            ((delivered, read),) = factory.rows("SELECT delivered, read FROM campaign_counters")
            assert (delivered, read) >= before  # type: ignore[operator]
            before = (delivered, read)  # type: ignore[assignment]
    apply_inbox(engine.deps)
    assert factory.rows(
        "SELECT status, acked_at IS NOT NULL, delivered_at IS NOT NULL, read_at IS NOT NULL"
        " FROM messages ORDER BY position"
    ) == [(STATUS_OF[rank], rank >= 1, rank >= 2, rank >= 3) for rank in highest]
    assert factory.rows("SELECT delivered, read, sent FROM campaign_counters") == [
        (sum(rank >= 2 for rank in highest), sum(rank >= 3 for rank in highest), PEOPLE)
    ]


@pytest.fixture
def channel(engine: Engine, sent: Sent) -> Iterator[PubSub]:
    """What the gateways hear of the campaign's tenant."""
    settings, pubsub = engine.deps.settings, engine.deps.redis.pubsub()
    pubsub.subscribe(channel_of(settings.environment, sent[1].tenant_id))
    assert pubsub.get_message(timeout=5) is not None
    yield pubsub
    pubsub.close()


def heard(channel: PubSub, *, seconds: float = 5) -> list[dict[str, int]]:
    """Totals told until nothing more comes for a moment."""
    told: list[dict[str, int]] = []
    while (message := channel.get_message(timeout=seconds)) is not None:
        body = orjson.loads(message["data"])
        if "receipts" in body:
            told.append(body["receipts"])
            seconds = 1
    return told


def test_who_watches_hears_how_far_messages_came(
    engine: Engine, factory: Factory, sent: Sent, channel: PubSub
) -> None:
    _, instance, ids = sent
    phone = str(factory.value("SELECT phone FROM contacts WHERE position = 0"))
    told(factory, instance, "messages.update", *(receipt(one, "DELIVERY_ACK") for one in ids))
    told(factory, instance, "messages.update", receipt(ids[0], "READ"))
    told(factory, instance, "messages.upsert", written(f"{phone}@s.whatsapp.net", "Oi"))
    apply_inbox(engine.deps)
    assert heard(channel)[-1] == {"delivered": PEOPLE, "read": 1, "replied": 1}
    told(factory, instance, "messages.update", receipt(ids[0], "READ"), receipt(ids[1], "ERROR"))
    apply_inbox(engine.deps)
    assert heard(channel, seconds=1.5) == []  # nothing new


def test_a_flood_of_receipts_is_told_twice_a_second_at_most(
    engine: Engine, factory: Factory, sent: Sent, channel: PubSub
) -> None:
    _, instance, ids = sent
    began = time.monotonic()
    for one in ids:
        for status in ("SERVER_ACK", "DELIVERY_ACK", "READ"):
            told(factory, instance, "messages.update", receipt(one, status))
            apply_inbox(engine.deps)
    totals = heard(channel)
    assert totals[-1] == {"delivered": PEOPLE, "read": PEOPLE, "replied": 0}
    assert len(totals) <= 2 * (time.monotonic() - began) + 1


def test_an_error_after_an_ack_is_recorded_and_changes_nothing(
    engine: Engine, factory: Factory, sent: Sent
) -> None:
    _, instance, (first, second, _) = sent
    told(factory, instance, "messages.update", receipt(first, "SERVER_ACK"))
    apply_inbox(engine.deps)
    told(factory, instance, "messages.update", receipt(first, "ERROR"), receipt(second, "ERROR"))
    apply_inbox(engine.deps)
    assert factory.rows(
        "SELECT status, reason, refused_at IS NOT NULL FROM messages ORDER BY position"
    ) == [
        ("sent", None, True),
        ("sent", "refused_by_whatsapp", True),
        ("sent", None, False),
    ]
    assert factory.value("SELECT ack_errors FROM lanes") == 1


def test_one_refusal_told_many_times_is_one(engine: Engine, factory: Factory, sent: Sent) -> None:
    _, instance, (first, *_) = sent
    for _ in range(10):
        told(factory, instance, "messages.update", receipt(first, "ERROR"))
        apply_inbox(engine.deps)
    assert factory.rows("SELECT ack_errors, breaker_state FROM lanes") == [(1, "closed")]


def test_a_receipt_that_comes_before_our_own_answer_is_held_and_joined(
    engine: Engine, factory: Factory, sent: Sent
) -> None:
    _, instance, (first, *_) = sent
    with factory.connect() as conn:
        conn.execute("UPDATE messages SET provider_id = NULL WHERE provider_id = %s", (first,))
    told(factory, instance, "messages.update", receipt(first, "READ"))
    apply_inbox(engine.deps)
    assert factory.value("SELECT read FROM campaign_counters") == 0
    with factory.connect() as conn:
        conn.execute("UPDATE messages SET provider_id = %s WHERE position = 0", (first,))
        conn.execute("UPDATE provider_inbox SET due_at = now()")
    apply_inbox(engine.deps)
    assert factory.value("SELECT read FROM campaign_counters") == 1
    assert factory.value("SELECT count(*) FROM provider_inbox WHERE settled_at IS NULL") == 0


@pytest.mark.parametrize("text", ["SAIR", " Pâràr! ", "s a i r", "Stop.", "CANCELAR"])
def test_an_answer_under_a_hidden_id_is_obeyed_once_an_event_told_the_pair(
    engine: Engine, factory: Factory, sent: Sent, text: str
) -> None:
    _, instance, _ = sent
    phone = str(factory.value("SELECT phone FROM contacts WHERE position = 1"))
    short = phone[:4] + phone[5:]  # without the ninth digit
    alt = f"{short}@s.whatsapp.net"
    told(factory, instance, "messages.upsert", written("77@lid", "Quem é?", remoteJidAlt=alt))
    apply_inbox(engine.deps)
    assert factory.value("SELECT count(*) FROM suppressions") == 0
    told(factory, instance, "messages.upsert", written("77@lid", text))
    apply_inbox(engine.deps)
    assert factory.rows("SELECT phone, reason FROM suppressions") == [(phone, "opt_out")]
    assert factory.value("SELECT replied FROM campaign_counters") == 1


def test_a_pair_told_again_counts_as_seen_again(
    engine: Engine, factory: Factory, sent: Sent
) -> None:
    _, instance, _ = sent
    alt = "5511961234567@s.whatsapp.net"
    age = "SELECT extract(days FROM now() - seen_at)::int FROM known_lids"
    for text in ("Quem é?", "Ah, sim."):
        told(factory, instance, "messages.upsert", written("77@lid", text, remoteJidAlt=alt))
        apply_inbox(engine.deps)
        assert factory.value(age) == 0
        with factory.connect() as conn:
            conn.execute("UPDATE known_lids SET seen_at = now() - interval '300 days'")


def test_an_opt_out_under_an_unknown_hidden_id_waits_for_who_it_is(
    engine: Engine, factory: Factory, sent: Sent
) -> None:
    _, instance, (first, *_) = sent
    told(factory, instance, "messages.upsert", written("88@lid", "sair"), written("88@lid", "oi"))
    apply_inbox(engine.deps)
    assert factory.rows("SELECT outcome FROM provider_inbox WHERE settled_at IS NOT NULL") == [
        ("ignored",)
    ]
    told(factory, instance, "messages.update", receipt(first, "DELIVERY_ACK", "88@lid"))
    apply_inbox(engine.deps)
    with factory.connect() as conn:
        conn.execute("UPDATE provider_inbox SET due_at = now()")
    apply_inbox(engine.deps)
    assert factory.value("SELECT phone FROM suppressions") == factory.value(
        "SELECT phone FROM contacts WHERE position = 0"
    )


def test_a_hidden_id_of_another_tenant_names_nobody(
    engine: Engine, factory: Factory, sent: Sent
) -> None:
    _, instance, _ = sent
    other = factory.instance(factory.tenant())
    alt = "5511961234567@s.whatsapp.net"
    told(factory, other, "messages.upsert", written("99@lid", "oi", remoteJidAlt=alt))
    apply_inbox(engine.deps)
    told(factory, instance, "messages.upsert", written("99@lid", "sair"))
    apply_inbox(engine.deps)
    assert factory.rows("SELECT * FROM suppressions") == []
