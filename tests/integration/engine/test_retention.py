"""What has been kept long enough goes; what a promise needs stays."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from deploy.local.servers import RunningServers
from shared.db import campaign_changes, erasures
from shared.db import retention as rows
from shared.db.pool import ENGINE_ROLE, connection, connection_options
from shared.settings import RetentionSettings, Settings
from tests.conftest import on_database
from tests.factories import CampaignRow, Factory, InstanceRow, Tenant
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.deps import Deps, open_deps
from worker.retention import Retention, run, tidy_campaigns

KNOBS = RetentionSettings()
LONG_AGO = 1000  # days: longer than anything is kept
LEFT = {
    "events": "SELECT count(*) FROM campaign_events WHERE campaign_id = %s",
    "texts": "SELECT count(*) FROM message_texts WHERE campaign_id = %s",
    "people": "SELECT count(*) FROM contacts WHERE campaign_id = %s AND (name || phone"
    " || coalesce(body, '') || translate(variables::text, '{}', '')) <> ''",
    "jids": "SELECT count(*) FROM messages WHERE campaign_id = %s"
    " AND (remote_jid IS NOT NULL OR detail IS NOT NULL)",
    "attempts": "SELECT count(*) FROM attempts WHERE campaign_id = %s",
    "hours": "SELECT count(*) FROM campaign_hours WHERE campaign_id = %s",
}
COUNTERS = "SELECT to_jsonb(c) FROM campaign_counters AS c WHERE campaign_id = %s"

GROWTH = """
INSERT INTO campaigns (tenant_id, public_id, user_id, name, status, template, delay_min, delay_max,
                       finished_at, retention_at)
SELECT %(t)s, 'G-' || g, %(u)s, 'x', 'completed', 'x', 0, 0, now(), now() + interval '1 day'
  FROM generate_series(1, %(n)s / 10) AS g;
INSERT INTO campaign_counters (tenant_id, campaign_id, total, sent)
SELECT tenant_id, campaign_id, 10, 10 FROM campaigns WHERE name = 'x';
INSERT INTO contacts (tenant_id, campaign_id, position, name, phone)
SELECT tenant_id, campaign_id, p, 'x', 'x'
  FROM campaigns, generate_series(0, 9) AS p WHERE campaigns.name = 'x';
INSERT INTO messages (tenant_id, campaign_id, position, status)
SELECT tenant_id, campaign_id, position, 'sent' FROM contacts WHERE name = 'x';
INSERT INTO attempts (tenant_id, campaign_id, position, number, lease_id)
SELECT tenant_id, campaign_id, position, 1, gen_random_uuid() FROM contacts WHERE name = 'x';
INSERT INTO campaign_events (tenant_id, campaign_id, first_seq, last_seq, events, published_at)
SELECT tenant_id, campaign_id, position, position, '[]', now() FROM contacts WHERE name = 'x';
INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body, settled_at)
SELECT %(t)s, %(i)s, 'x', gen_random_uuid(), '{}', now() FROM generate_series(1, %(n)s);
INSERT INTO refresh_tokens (tenant_id, token_hash, user_id, family_id, expires_at)
SELECT %(t)s, sha256(g::text::bytea), %(u)s, gen_random_uuid(), now()
  FROM generate_series(1, %(n)s) AS g;
INSERT INTO idempotency_keys (tenant_id, route, key, body_hash, status, answer)
SELECT %(t)s, 'x', 'g' || g, '', 200, '{}' FROM generate_series(1, %(n)s) AS g;
INSERT INTO known_lids SELECT %(t)s, 'g' || g, 'x' FROM generate_series(1, %(n)s) AS g;
INSERT INTO erasures (tenant_id, done_at) SELECT %(t)s, now() FROM generate_series(1, %(n)s)
"""


@pytest.fixture
def deps(settings: Settings) -> Iterator[Deps]:
    opened = open_deps(settings, name="test")
    yield opened
    opened.close()


def left(factory: Factory, campaign: CampaignRow) -> dict[str, object]:
    """{kind: rows that are still there} of a campaign."""
    return {kind: factory.value(query, campaign.campaign_id) for kind, query in LEFT.items()}


def age(factory: Factory, campaign: CampaignRow, *, days: float) -> None:
    """Have its end and its events lie so many days back, and a look be due."""
    with factory.connect() as conn:
        conn.execute(
            "UPDATE campaigns SET finished_at = now() - make_interval(secs => %s),"
            " retention_at = '-infinity' WHERE campaign_id = %s",
            (days * 86_400, campaign.campaign_id),
        )
        conn.execute(
            "UPDATE campaign_events SET created_at = now() - make_interval(secs => %s)"
            " WHERE campaign_id = %s",
            (days * 86_400, campaign.campaign_id),
        )


def drain(deps: Deps, knobs: RetentionSettings = KNOBS) -> dict[str, int]:
    """Run until nothing is left to do; what went."""
    gone: dict[str, int] = {}
    while (batch := run(deps.pool, knobs)).total():
        for kind, count in batch.items():
            gone[kind] = gone.get(kind, 0) + count
    return {kind: count for kind, count in gone.items() if count}


@pytest.fixture
def sent(engine: Engine, factory: Factory, sandbox: Sandbox) -> CampaignRow:
    """A campaign of three, two sent and one not on WhatsApp, with texts of the model's book."""
    tenant = factory.tenant()
    lane = factory.instance(tenant)
    sandbox.create_instance(lane.name)
    campaign = factory.campaign(tenant, [lane], phones=[f"55119700000{at:02d}" for at in range(3)])
    sandbox.number("5511970000002", on_whatsapp=False)
    engine.run(campaign)
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO message_texts (tenant_id, campaign_id, position, outcome)"
            " VALUES (%s, %s, 0, 'model')",
            (campaign.tenant_id, campaign.campaign_id),
        )
    engine.run_until(lambda: not _unpublished(factory))
    return campaign


def _unpublished(factory: Factory) -> object:
    return factory.value("SELECT count(*) FROM campaign_events WHERE published_at IS NULL")


@pytest.mark.parametrize(
    ("days", "gone"),
    [
        (6.9, set()),
        (7.1, {"events", "texts"}),
        (180.1, {"events", "texts", "people", "jids", "attempts"}),
        (400.1, {"events", "texts", "people", "jids", "attempts", "hours"}),
    ],
)
def test_each_kind_goes_when_its_days_after_the_end_are_over_and_counters_stay(
    days: float, gone: set[str], deps: Deps, factory: Factory, sent: CampaignRow
) -> None:
    before = left(factory, sent)
    assert all(before.values()), before
    counters = factory.value(COUNTERS, sent.campaign_id)
    usage = factory.rows("SELECT day, sent, failed FROM usage_daily")
    age(factory, sent, days=days)
    drain(deps)
    after = left(factory, sent)
    assert {kind for kind, count in after.items() if count == 0} == gone
    assert {k: n for k, n in after.items() if n} == {
        k: n for k, n in before.items() if k not in gone
    }
    assert factory.value(COUNTERS, sent.campaign_id) == counters
    assert factory.rows("SELECT day, sent, failed FROM usage_daily") == usage
    assert factory.value("SELECT bool_and(balanced) FROM conservation(NULL)") is True
    when = factory.value(
        "SELECT extract(epoch FROM retention_at - now())::float8 / 86400 FROM campaigns"
    )
    if days > 400:
        assert when == float("inf")
    else:
        assert 0 < float(str(when)) <= 7


def test_a_campaign_that_is_not_over_or_has_a_doubt_keeps_everything(
    deps: Deps, factory: Factory, sent: CampaignRow
) -> None:
    before = left(factory, sent)
    age(factory, sent, days=LONG_AGO)
    with factory.connect() as conn:
        conn.execute("UPDATE campaigns SET finished_at = NULL, status = 'running'")
    assert drain(deps) == {}
    age(factory, sent, days=LONG_AGO)
    with factory.connect() as conn:
        conn.execute("UPDATE campaign_counters SET in_doubt = 1, failed = failed - 1")
    assert drain(deps) == {}
    assert left(factory, sent) == before
    # It is asked again later, not at every tick.
    assert factory.value("SELECT retention_at > now() + interval '23 h' FROM campaigns") is True


def test_nothing_that_was_never_told_goes(deps: Deps, factory: Factory, sent: CampaignRow) -> None:
    age(factory, sent, days=LONG_AGO)
    with factory.connect() as conn:
        conn.execute(
            "UPDATE campaign_events SET published_at = NULL WHERE last_seq ="
            " (SELECT min(last_seq) FROM campaign_events)"
        )
    drain(deps)
    assert left(factory, sent)["events"] == 1
    with factory.connect() as conn:
        conn.execute("UPDATE campaign_events SET published_at = now()")
        conn.execute("UPDATE campaigns SET retention_at = now()  WHERE retention_at < 'infinity'")
    drain(deps)
    assert left(factory, sent)["events"] == 0


def test_who_was_emptied_is_neither_sent_to_again_nor_copied(
    deps: Deps, factory: Factory, sent: CampaignRow
) -> None:
    key = (sent.tenant_id, sent.campaign_id)
    age(factory, sent, days=181)
    drain(deps)
    with connection(deps.pool) as conn:
        campaign_changes.lock(conn, *key)
        assert campaign_changes.take_back(conn, *key, ["failed"]) == 0
        assert campaign_changes.list_contacts(conn, *key) == []


def test_a_campaign_that_started_again_has_its_days_anew(
    deps: Deps, engine: Engine, factory: Factory, sent: CampaignRow
) -> None:
    key = (sent.tenant_id, sent.campaign_id)
    age(factory, sent, days=8)
    drain(deps)
    assert left(factory, sent)["events"] == 0
    with connection(deps.pool) as conn:
        campaign_changes.lock(conn, *key)
        assert campaign_changes.reopen(conn, *key)
        assert campaign_changes.take_back(conn, *key, ["failed"]) == 1
    engine.run(sent)
    engine.run_until(lambda: not _unpublished(factory))
    told = left(factory, sent)["events"]
    assert told
    drain(deps)
    assert left(factory, sent)["events"] == told
    age(factory, sent, days=8)
    drain(deps)
    assert left(factory, sent)["events"] == 0


def test_a_run_removes_no_more_than_a_batch_and_the_next_ones_the_rest(
    deps: Deps, factory: Factory
) -> None:
    tenant = factory.tenant()
    made = [_old_campaign(factory, tenant, contacts=5) for _ in range(3)]
    knobs = RetentionSettings(batch_size=4, campaigns_at_once=2)
    total = 0
    while gone := run(deps.pool, knobs).total():
        assert gone <= 4 * 4  # kinds of a campaign that are there, a batch each
        total += gone
    assert total == 3 * (5 + 5 + 1)  # people, attempts, events
    for campaign in made:
        assert not any(left(factory, campaign).values())


def test_what_another_process_works_on_is_skipped(
    deps: Deps, factory: Factory, settings: Settings
) -> None:
    tenant = factory.tenant()
    first, second = (_old_campaign(factory, tenant, contacts=2) for _ in range(2))
    other = open_deps(settings, name="other")
    with connection(other.pool) as held:
        assert len(rows.claim_ended(held, limit=1)) == 1
        drain(deps)
        assert all(left(factory, first)[kind] for kind in ("people", "attempts"))
        assert not any(left(factory, second).values())
    other.close()
    drain(deps)
    assert not any(left(factory, first).values())


def test_webhooks_tokens_and_keys_go_by_age_and_those_at_work_stay(
    deps: Deps, factory: Factory
) -> None:
    tenant = factory.tenant()
    lane = factory.instance(tenant)
    old = [_webhook(factory, lane, settled_days=8) for _ in range(3)]
    kept = {_webhook(factory, lane, settled_days=6), _webhook(factory, lane, settled_days=None)}
    _tokens(factory, tenant, expired_days=[2, 2, 0.5, -3])
    _keys(factory, tenant, age_hours=[25, 23])
    assert drain(deps) == {"webhooks": 3, "refresh_tokens": 2, "idempotency_keys": 1}
    ids = {row[0] for row in factory.rows("SELECT inbox_id FROM provider_inbox")}
    assert ids == kept
    assert not ids & set(old)
    assert factory.value("SELECT count(*) FROM refresh_tokens") == 2
    assert factory.value("SELECT count(*) FROM idempotency_keys") == 1
    with connection(deps.pool) as conn:
        assert rows.removed_so_far(conn) == {
            "webhooks": 3,
            "refresh_tokens": 2,
            "idempotency_keys": 1,
        }


def test_a_hidden_id_stays_as_long_as_a_list_has_its_phone(deps: Deps, factory: Factory) -> None:
    tenant = factory.tenant()
    factory.campaign(tenant, phones=["5511970000001"])
    with factory.connect() as conn:
        for lid, phone, days in (
            ("1@lid", "5511970000001", 999),
            ("2@lid", "5511970000002", 999),
            ("3@lid", "5511970000003", 5),
        ):
            conn.execute(
                "INSERT INTO known_lids (tenant_id, lid, phone, seen_at)"
                " VALUES (%s, %s, %s, now() - make_interval(days => %s))",
                (tenant.tenant_id, lid, phone, days),
            )
    assert run(deps.pool, KNOBS)["lids"] == 1
    assert {row[0] for row in factory.rows("SELECT lid FROM known_lids")} == {"1@lid", "3@lid"}
    assert factory.value("SELECT min(seen_at) > now() - interval '6 days' FROM known_lids") is True


def test_a_process_that_found_nothing_rests(
    settings_for: Callable[..., Settings], factory: Factory
) -> None:
    tenant = factory.tenant()
    for rest_seconds, removed in ((3600, 0), (0, 1)):
        deps = open_deps(settings_for(retention={"rest_seconds": rest_seconds}), name="test")
        retention = Retention()
        retention.look(deps)
        _keys(factory, tenant, age_hours=[25])
        retention.look(deps)
        deps.close()
        found = factory.value("SELECT count(*) FROM idempotency_keys")
        assert found == 1 - removed


def test_every_statement_finds_its_rows_by_an_index(
    servers: RunningServers, database_url: str, settings: Settings, factory: Factory
) -> None:
    tenant = factory.tenant()
    lane = factory.instance(tenant)
    url = on_database(servers.superuser_url, urlsplit(database_url).path.lstrip("/"))
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        few = _rows_read(factory, settings, tenant, lane)
        _grow(superuser, tenant, lane, 20_000)
        many = _rows_read(factory, settings, tenant, lane)
    assert set(few) >= {"contacts", "messages", "attempts", "campaign_events", "provider_inbox"}
    assert set(few) >= {"refresh_tokens", "idempotency_keys", "known_lids", "campaigns"}
    assert set(few) >= {"erasures"}
    # Dead entries at an index's end may be passed once; a scan would read thousands.
    assert all(count <= few[table] + 60 for table, count in many.items()), (few, many)


def _rows_read(
    factory: Factory, settings: Settings, tenant: Tenant, lane: InstanceRow
) -> dict[str, int]:
    """{table: rows read} by one run of everything on a few rows that are ready."""
    _old_campaign(factory, tenant, contacts=10)
    for _ in range(10):
        _webhook(factory, lane, settled_days=9)
    _tokens(factory, tenant, expired_days=[5] * 10)
    _keys(factory, tenant, age_hours=[30] * 10)
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO known_lids SELECT %s, gen_random_uuid() || '@lid', 'x', '-infinity'"
            " FROM generate_series(1, 10)",
            (tenant.tenant_id,),
        )
        kept = _old_campaign(factory, tenant, contacts=1)
        conn.execute(
            "UPDATE campaigns SET retention_at = 'infinity' WHERE campaign_id = %s",
            (kept.campaign_id,),
        )
        conn.execute(
            "INSERT INTO erasures (tenant_id, phone)"
            " SELECT tenant_id, phone FROM contacts WHERE campaign_id = %s",
            (kept.campaign_id,),
        )
    options = connection_options(ENGINE_ROLE, settings.pool)
    with psycopg.connect(settings.database_url.get_secret_value(), options=options) as conn:
        removed = [
            rows.remove_webhooks(conn, days=7, limit=1000),
            rows.remove_refresh_tokens(conn, days=1, limit=1000),
            rows.remove_idempotency_keys(conn, limit=1000),
            rows.remove_lids(conn, days=180, limit=1000),
        ]
        assert removed == [10, 10, 10, 10]
        assert tidy_campaigns(conn, KNOBS) == {
            "events": 1,
            "model_texts": 0,
            "hours": 0,
            "people": 10,
            "attempts": 10,
        }
        for due in erasures.list_due(conn, limit=10):
            assert erasures.claim(conn, due)
            assert erasures.lease_waiting(conn, due, limit=10) == []
            assert erasures.lock_doubts(conn, due, limit=10) == []
            stands = erasures.find(conn, due, limit=10)
            assert erasures.empty(conn, due, stands) == 1
            erasures.record(conn, due, emptied=1, left=0)
        read = conn.execute(
            "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0)"
            "  FROM pg_stat_xact_user_tables"
        ).fetchall()
    return {str(name): int(count) for name, count in read if count}


def _grow(
    superuser: "psycopg.Connection[tuple[object, ...]]",
    tenant: Tenant,
    lane: InstanceRow,
    size: int,
) -> None:
    """So many rows of every kind whose time is not over; ended campaigns that wait, too."""
    parts = {"t": tenant.tenant_id, "i": lane.instance_id, "u": tenant.user_id, "n": size}
    for statement in GROWTH.split(";"):
        superuser.execute(statement, parts)
    superuser.execute("ANALYZE")


def _old_campaign(factory: Factory, tenant: Tenant, *, contacts: int) -> CampaignRow:
    """Ended long ago, all sent, with an attempt for each contact and a batch of events."""
    campaign = factory.campaign(tenant, contacts=contacts)
    key = (tenant.tenant_id, campaign.campaign_id)
    with factory.connect() as conn, conn.transaction():
        conn.execute("UPDATE messages SET status = 'sent' WHERE campaign_id = %s", key[1:])
        conn.execute(
            "INSERT INTO attempts (tenant_id, campaign_id, position, number, lease_id)"
            " SELECT tenant_id, campaign_id, position, 1, gen_random_uuid() FROM contacts"
            "  WHERE campaign_id = %s",
            key[1:],
        )
        conn.execute("DELETE FROM campaign_events WHERE campaign_id = %s", key[1:])
        conn.execute(
            "INSERT INTO campaign_events (tenant_id, campaign_id, first_seq, last_seq, events,"
            " published_at) VALUES (%s, %s, 1, 1, '[]', now())",
            key,
        )
        conn.execute("UPDATE campaign_counters SET sent = total WHERE campaign_id = %s", key[1:])
        conn.execute("DELETE FROM campaign_pace WHERE campaign_id = %s", key[1:])
        conn.execute("UPDATE campaigns SET status = 'completed' WHERE campaign_id = %s", key[1:])
    age(factory, campaign, days=LONG_AGO)
    return campaign


def _webhook(factory: Factory, lane: InstanceRow, *, settled_days: float | None) -> object:
    return factory.value(
        "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body, received_at,"
        " settled_at) VALUES (%s, %s, 'messages.update', %s, %s, now() - interval '30 days',"
        " now() - make_interval(secs => %s)) RETURNING inbox_id",
        lane.tenant_id,
        lane.instance_id,
        uuid4().hex,
        Jsonb({}),
        None if settled_days is None else settled_days * 86_400,
    )


def _tokens(factory: Factory, tenant: Tenant, *, expired_days: list[float]) -> None:
    with factory.connect() as conn:
        for days in expired_days:
            conn.execute(
                "INSERT INTO refresh_tokens (tenant_id, token_hash, user_id, family_id, expires_at)"
                " VALUES (%s, %s, %s, %s, now() - make_interval(secs => %s))",
                (tenant.tenant_id, uuid4().bytes, tenant.user_id, uuid4(), days * 86_400),
            )


def _keys(factory: Factory, tenant: Tenant, *, age_hours: list[int]) -> None:
    with factory.connect() as conn:
        for hours in age_hours:
            conn.execute(
                "INSERT INTO idempotency_keys (tenant_id, route, key, body_hash, status, answer,"
                " created_at) VALUES (%s, 'POST /x', %s, '', 200, '{}',"
                " now() - make_interval(hours => %s))",
                (tenant.tenant_id, uuid4().hex, hours),
            )
