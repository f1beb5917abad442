"""What control tells of the engine: one voice, true to the rows, at a cost that does not grow."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg.types.json import Jsonb

from shared.coordination.redis_client import make_redis
from shared.db.messages import Recount
from shared.db.observation import observe
from shared.db.pool import ENGINE_ROLE, connection_options
from shared.errors import TemporarilyUnavailable
from tests.factories import CampaignRow, Factory, InstanceRow, Tenant
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker import observation
from worker.deps import Deps
from worker.lane_states import LaneStates
from worker.observation import EngineCollector, remember_end
from worker.receipts import apply_inbox

Told = Callable[..., float | None]


def told_by(deps: Callable[[], Deps]) -> Told:
    """A new control process, asked for one number."""
    registry = CollectorRegistry()
    registry.register(EngineCollector(deps))

    def ask(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"rapidflow_{name}", labels)

    return ask


@pytest.fixture
def told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The control process that has the duty; every question is a new look."""
    monkeypatch.setattr(observation, "_FRESH_SECONDS", -1.0)
    return told_by(lambda: engine.deps)


@pytest.fixture
def instance(factory: Factory, sandbox: Sandbox) -> InstanceRow:
    row = factory.instance(factory.tenant())
    sandbox.create_instance(row.name)
    return row


def campaign_on(
    factory: Factory, instance: InstanceRow, contacts: int, delay: float = 0.0
) -> CampaignRow:
    user = factory.value("SELECT user_id FROM users WHERE tenant_id = %s", instance.tenant_id)
    owner = Tenant(instance.tenant_id, int(str(user)))
    return factory.campaign(owner, [instance], contacts=contacts, delay=delay)


def assert_true_to_the_rows(told: Told, recount: Recount) -> None:
    for status in ("pending", "leased", "sending", "sent", "failed", "in_doubt"):
        assert told("messages", status=status) == getattr(recount, status), status


def test_messages_by_status_are_those_of_the_rows_all_the_way(
    engine: Engine, factory: Factory, sandbox: Sandbox, instance: InstanceRow, told: Told
) -> None:
    campaign = campaign_on(factory, instance, 12)
    assert told("campaigns", status="pending") == 1
    assert_true_to_the_rows(told, factory.recount(campaign))
    engine.dispatch()
    assert told("lanes_leased") == 1
    assert told("messages", status="leased") == 12
    assert_true_to_the_rows(told, factory.recount(campaign))
    phone = factory.value("SELECT phone FROM contacts WHERE position = 3")
    sandbox.faults({"match": {"number": phone}, "do": {"error": "not_on_whatsapp"}})
    engine.deliver()
    engine.run(campaign)
    assert_true_to_the_rows(told, factory.recount(campaign))
    assert told("campaigns", status="completed") == 1
    assert told("campaigns", status="running") == 0


def test_the_oldest_due_message_ages_while_nobody_dispatches_or_sends(
    engine: Engine, factory: Factory, instance: InstanceRow, told: Told
) -> None:
    campaign = campaign_on(factory, instance, 3)
    engine.dispatch()
    assert told("dispatch_lag_seconds") == 0
    with factory.connect() as conn:
        conn.execute("UPDATE messages SET slot_at = now() - interval '40 s'")
    oldest = told("oldest_due_message_seconds")
    assert oldest is not None
    assert 40 <= oldest < 60  # leased, and nobody sends
    engine.batches.clear()
    with factory.connect() as conn:
        conn.execute(
            "UPDATE messages SET status = 'pending', lease_id = NULL, lease_until = NULL,"
            " slot_at = NULL, due_at = now() - interval '2 min'"
        )
        conn.execute(
            "UPDATE campaign_pace SET next_due_at = now() - interval '2 min',"
            " next_slot_at = now() - interval '90 s', waiting_reason = NULL"
        )
    lag = told("dispatch_lag_seconds")
    assert lag is not None
    assert 90 <= lag < 110  # since its slot came
    assert told("oldest_due_message_seconds") == pytest.approx(lag, abs=5)
    with factory.connect() as conn:
        conn.execute("UPDATE campaign_pace SET waiting_reason = 'breaker_open'")
    assert told("dispatch_lag_seconds") == 0  # it waits for a reason of its own
    assert told("campaigns_waiting", reason="breaker_open") == 1
    assert factory.recount(campaign).pending == 3


def test_how_instances_stand_is_told_and_silent_sends_are_logged_once(
    engine: Engine, factory: Factory, sandbox: Sandbox, instance: InstanceRow, told: Told
) -> None:
    sandbox.tune(ack_delay_ms=3_600_000)
    engine.run(campaign_on(factory, instance, 4))
    with factory.connect() as conn:
        conn.execute("UPDATE messages SET sent_at = now() - interval '11 min' WHERE position < 3")
        conn.execute("UPDATE lanes SET breaker_state = 'half-open'")
    here = {"evolution_instance": instance.name}
    assert told("breaker_state", **here) == 1
    assert told("instance_connected", **here) == 1
    assert told("unconfirmed_sends", **here) == 3
    inbox(factory, instance, sandbox.ledger(instance.name)[0]["key_id"], "SERVER_ACK")
    apply_inbox(engine.deps)
    states = LaneStates()
    states.look(engine.deps)
    assert states._silent == {instance.name}
    assert told("unconfirmed_sends", **here) == 2


def inbox(factory: Factory, instance: InstanceRow, key_id: str, status: str) -> None:
    body = {"keyId": key_id, "remoteJid": "x", "fromMe": True, "status": status}
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
            " VALUES (%s, %s, 'messages.update', %s, %s)",
            (instance.tenant_id, instance.instance_id, uuid4().hex, Jsonb(body)),
        )


def test_what_waits_beside_messages_has_an_age(
    engine: Engine, factory: Factory, instance: InstanceRow, told: Told
) -> None:
    assert told("oldest_unread_webhook_seconds") == 0
    inbox(factory, instance, "KEY", "READ")
    with factory.connect() as conn:
        conn.execute("UPDATE provider_inbox SET due_at = now() - interval '1 min'")
    age = told("oldest_unread_webhook_seconds")
    assert age is not None
    assert 60 <= age < 80
    engine.dispatch()
    campaign_on(factory, instance, 1)
    engine.dispatch()
    with factory.connect() as conn:
        conn.execute(
            "UPDATE campaign_events SET published_at = NULL, created_at = now() - interval '1 min'"
        )
    age = told("oldest_unpublished_event_seconds")
    assert age is not None
    assert 60 <= age < 80


def test_of_two_control_processes_one_tells_and_the_other_takes_over_when_it_is_gone(
    engine: Engine, factory: Factory, told: Told
) -> None:
    other = told_by(lambda: engine.deps)
    assert (told("observing"), other("observing")) == (1, 0)
    assert other("messages", status="sent") is None
    assert other("dependency_up", dependency="postgresql") == 1
    assert (told("observing"), other("observing")) == (1, 0)  # the duty is renewed
    with factory.connect() as conn:
        conn.execute("UPDATE duties SET held_until = now() - interval '1 s'")  # it died
    assert other("observing") == 1
    assert told("observing") == 0


def test_scrapers_share_a_look(engine: Engine, factory: Factory, instance: InstanceRow) -> None:
    told = told_by(lambda: engine.deps)
    assert told("campaigns", status="pending") == 0
    campaign_on(factory, instance, 1)
    assert told("campaigns", status="pending") == 0


def test_a_database_that_is_away_is_told_and_ends_no_scrape() -> None:
    def away() -> Deps:
        raise TemporarilyUnavailable("away", code="database_unavailable")

    told = told_by(away)
    assert told("dependency_up", dependency="postgresql") == 0
    assert told("messages", status="sent") is None


def test_postgresql_tells_its_connections_and_its_size(engine: Engine, told: Told) -> None:
    used, limit = told("postgresql_connections"), told("postgresql_connections_limit")
    assert used is not None
    assert limit is not None
    assert 1 <= used < limit
    assert (told("postgresql_size_bytes") or 0) > 1_000_000


def test_redis_tells_its_queues_and_that_it_is_away(engine: Engine, told: Told) -> None:
    assert told("queue_tasks", queue="send") == 0
    assert told("dependency_up", dependency="redis") == 1
    assert told("redis_memory_bytes")
    with make_redis("redis://127.0.0.1:1") as nowhere:
        without = told_by(lambda: replace(engine.deps, redis=nowhere))
        assert without("dependency_up", dependency="redis") == 0
        assert without("dependency_up", dependency="postgresql") == 1
        assert without("queue_tasks", queue="send") is None


def test_why_a_process_ended_outlives_it(engine: Engine, told: Told) -> None:
    assert told("watchdog_ends_total", reason="stalled") == 0
    remember_end(lambda: engine.deps, "stalled")
    remember_end(lambda: engine.deps, "stalled")
    assert told("watchdog_ends_total", reason="stalled") == 2


def test_a_look_reads_no_more_when_more_has_been_sent(
    engine: Engine, factory: Factory, instance: InstanceRow
) -> None:
    engine.run(campaign_on(factory, instance, 3))
    url = engine.deps.settings.database_url.get_secret_value()
    options = connection_options(ENGINE_ROLE, engine.deps.settings.pool)
    with psycopg.connect(url, options=options, autocommit=True) as conn:

        def rows_read() -> int:
            conn.execute("SELECT pg_stat_force_next_flush()")
            conn.execute("SELECT pg_stat_clear_snapshot()")
            row = conn.execute(ROWS_READ).fetchone()
            assert row is not None
            return int(row[0])

        conn.execute(
            "INSERT INTO contacts (tenant_id, campaign_id, position, name, phone)"
            " SELECT tenant_id, campaign_id, 1000 + n, 'x', n::text"
            " FROM campaigns, generate_series(1, 5000) AS n"
        )
        conn.execute(
            "INSERT INTO messages (tenant_id, campaign_id, position, status)"
            " SELECT tenant_id, campaign_id, position, 'read' FROM contacts WHERE position > 1000"
        )
        before = rows_read()
        observe(conn, unconfirmed_after_seconds=600)
        assert rows_read() - before < 100
        conn.execute("SELECT count(*) FROM messages").fetchone()
        assert rows_read() - before > 5000  # what is not keyed would have been seen


ROWS_READ = """
SELECT sum(t.seq_tup_read + coalesce(i.read, 0))::bigint
  FROM pg_stat_user_tables AS t
  LEFT JOIN (SELECT relid, sum(idx_tup_read) AS read
               FROM pg_stat_user_indexes GROUP BY relid) AS i USING (relid)
 WHERE t.relname IN ('messages', 'contacts', 'attempts')
"""
