"""Doubts that evidence does not end: policies, decisions, campaigns with too many."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from shared.db import campaign_changes, campaigns, doubts
from shared.settings import Settings
from tests.factories import CampaignRow, Factory, InstanceRow, Tenant
from tests.integration.engine.conftest import Engine
from tests.integration.engine.test_conservation import PAIRS
from tests.sandbox_process import Sandbox
from worker.doubts import apply_policies, give_up, pause_many, resend
from worker.evidence import reconcile
from worker.receipts import apply_inbox

#: The provider has an error to tell of after the message left, and keeps nothing of it.
SENT_AND_LOST = {"match": {"route": "message/*"}, "do": {"error": "database_error_after_send"}}
#: Nothing left, and the answer does not prove it.
NOT_SENT = {"match": {"route": "message/*"}, "do": {"error": "timed_out_400"}}


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """Quick times; the provider's clock may differ by the hours that tests let pass."""
    return settings_for(
        delivery={
            "call_deadline_seconds": 2,
            "lease_seconds": 3,
            "lease_margin_seconds": 0.5,
            "batch_size": 22,
        },
        evidence={
            "quiet_margin_seconds": 0.1,
            "looks_after_seconds": (0, 0.5, 1, 2, 4),
            "clock_tolerance_seconds": 20_000,
        },
        breaker={"open_seconds": 0.1},
        backoff={"base_seconds": 0.05},
    )


@pytest.fixture
def tenant(factory: Factory) -> Tenant:
    return factory.tenant()


@pytest.fixture
def lane(factory: Factory, sandbox: Sandbox, tenant: Tenant) -> InstanceRow:
    row = factory.instance(tenant)
    sandbox.create_instance(row.name)
    with factory.connect() as conn:  # every answer here troubles the number
        conn.execute("UPDATE lanes SET errors_in_a_row = -1000")
    return row


@pytest.fixture
def nothing_saved(sandbox: Sandbox) -> Iterator[None]:
    """The provider keeps no messages, so its search finds none."""
    sandbox.tune(save_messages=False)
    yield
    sandbox.tune(save_messages=True)


#: Rollups by hour, day and code.
_TAKEN_BACK = ("hours", "days", "errors")


def _counts(row: tuple[object, ...]) -> list[object]:
    return [row[-1], row[-2] if isinstance(row[-2], int) else 0]


def differences(factory: Factory) -> dict[str, object]:
    """Rollups that are not what their rows say."""
    found: dict[str, object] = {}
    for name, (kept, counted) in PAIRS.items():
        # What was taken back leaves a row that counts nothing.
        left = {row for row in factory.rows(kept) if name not in _TAKEN_BACK or any(_counts(row))}
        right = set(factory.rows(counted))
        if left != right:
            found[name] = {"kept": left - right, "counted": right - left}
    totals = factory.rows(
        "SELECT sent, failed, in_doubt, completed FROM tenant_totals ORDER BY tenant_id"
    )
    recounted = factory.rows(
        "SELECT sum(c.sent), sum(c.failed), sum(c.in_doubt),"
        "       count(*) FILTER (WHERE k.status = 'completed')"
        "  FROM campaigns AS k JOIN campaign_counters AS c USING (tenant_id, campaign_id)"
        " GROUP BY k.tenant_id ORDER BY k.tenant_id"
    )
    if totals != recounted:
        found["totals"] = {"kept": totals, "counted": recounted}
    unbalanced = factory.rows("SELECT * FROM conservation() WHERE NOT balanced")
    if unbalanced:
        found["conservation"] = unbalanced
    return found


def policy(factory: Factory, campaign: CampaignRow, name: str, hours: int = 1) -> None:
    with factory.connect() as conn:
        conn.execute(
            "UPDATE campaigns SET doubt_policy = %s, doubt_after_hours = %s WHERE campaign_id = %s",
            (name, hours, campaign.campaign_id),
        )


def let_hours_pass(factory: Factory, hours: float = 2) -> None:
    """Everything so far happened that much earlier, all looks included."""
    with factory.connect() as conn:
        conn.execute(
            "UPDATE attempts SET started_at = started_at - make_interval(secs => %s)",
            (hours * 3600,),
        )
        conn.execute(
            "UPDATE open_sends SET started_at = started_at - make_interval(secs => %s), looks = 5,"
            " next_look_at = now() + interval '1 year'",
            (hours * 3600,),
        )
        conn.execute("UPDATE messages SET due_at = now() WHERE status = 'in_doubt'")


def doubtful(
    engine: Engine, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant, contacts: int, **how: Any
) -> CampaignRow:
    """A campaign that has ended with nothing but doubts."""
    sandbox.faults(how.pop("fault", NOT_SENT))
    campaign = engine.factory.campaign(tenant, [lane], contacts=contacts, **how)
    engine.run(campaign)
    sandbox.faults()
    assert engine.factory.recount(campaign).in_doubt == contacts
    return campaign


def decide(
    factory: Factory, campaign: CampaignRow, decision: str, positions: Sequence[int] | None = None
) -> int:
    """As the API does; returns how many doubts it met."""
    key = (campaign.tenant_id, campaign.campaign_id)
    with factory.connect() as conn, conn.transaction():
        status = campaign_changes.lock(conn, *key)  # type: ignore[arg-type]
        picked = doubts.pick(conn, *key, positions=positions, looked=False)  # type: ignore[arg-type]
        if not picked:
            return 0
        if decision == "resend":
            doubts.put_back(conn, *key, status=status, picked=picked)  # type: ignore[arg-type]
        else:
            doubts.settle(conn, [(*key, one.position, one.attempt) for one in picked], decision)  # type: ignore[arg-type]
    return len(picked)


def events_of(factory: Factory, campaign: CampaignRow, name: str) -> list[dict[str, Any]]:
    stored = factory.rows(
        "SELECT events FROM campaign_events WHERE campaign_id = %s ORDER BY last_seq",
        campaign.campaign_id,
    )
    return [event for row in stored for event in row[0] if event["event"] == name]  # type: ignore[attr-defined]


def handed_over(entry: dict[str, Any]) -> dict[str, object]:
    """The `send.message` event of a ledger entry."""
    return {
        "key": {"id": entry["key_id"], "fromMe": True, "remoteJid": entry["jid"]},
        "message": {"conversation": entry["text"]},
        "messageTimestamp": int(time.time()),
    }


def webhook(factory: Factory, lane: InstanceRow, event: str, body: object) -> None:
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
            " VALUES (%s, %s, %s, gen_random_uuid()::text, %s)",
            (lane.tenant_id, lane.instance_id, event, Jsonb(body)),
        )


@pytest.mark.usefixtures("nothing_saved")
def test_a_doubt_that_nothing_proves_is_held_and_never_sent_again(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 1, fault=SENT_AND_LOST)
    made = "SELECT looks FROM open_sends"
    engine.run_until(lambda: factory.value(made) == 5)
    let_hours_pass(factory, 200)
    for _ in range(3):
        engine.turn()
        assert apply_policies(engine.deps) == 0
    assert factory.recount(campaign).in_doubt == 1
    assert len(sandbox.ledger(lane.name)) == 1


@pytest.mark.usefixtures("nothing_saved")
def test_looks_are_made_after_the_quiet_time_and_at_growing_distances(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    doubtful(engine, sandbox, lane, tenant, 1)
    planned = "SELECT extract(epoch FROM next_look_at - started_at)::float FROM open_sends"
    seen = [factory.value(planned)]
    for _ in range(4):
        with factory.connect() as conn:
            conn.execute(
                "UPDATE open_sends SET started_at = started_at - (next_look_at - now()),"
                " next_look_at = now()"
            )
        reconcile(engine.deps)
        seen.append(factory.value(planned))
    quiet = 2.1
    assert seen == pytest.approx([quiet, quiet + 0.5, quiet + 1, quiet + 2, quiet + 4], abs=0.1)


def test_give_up_fails_a_doubt_after_its_hours(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 3)
    policy(factory, campaign, "give_up", hours=3)
    let_hours_pass(factory, 2)
    assert give_up(engine.deps) == 0
    let_hours_pass(factory, 2)
    assert give_up(engine.deps) == 3
    assert factory.recount(campaign).failed == 3
    assert factory.rows("SELECT DISTINCT status, reason FROM messages") == [
        ("failed", "outcome_unknown")
    ]
    assert differences(factory) == {}
    told = events_of(factory, campaign, "message_error")
    assert {(one["errorCode"], one["willRetry"]) for one in told} == {("outcome_unknown", False)}
    assert len(told) == 3
    assert factory.rows("SELECT actor, action, detail FROM audit_log") == [
        (
            "policy",
            "doubts_decided",
            {"decision": "failed", "why": "give_up", "attempts": [[0, 1], [1, 1], [2, 1]]},
        )
    ]


def test_a_given_up_doubt_goes_again_only_when_its_code_is_named(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 2)
    decide(factory, campaign, "failed")
    with factory.connect() as conn:  # the hour in which it failed is not that of its attempt
        conn.execute("UPDATE attempts SET ended_at = ended_at - interval '5 hours'")
    assert retry(factory, campaign, None) == 0
    assert retry(factory, campaign, ["outcome_unknown"]) == 2
    assert differences(factory) == {}


@pytest.mark.usefixtures("nothing_saved")
def test_resend_once_needs_a_search_that_works(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 2, fault=SENT_AND_LOST)
    policy(factory, campaign, "resend_once")
    let_hours_pass(factory)
    assert resend(engine.deps) == 0, "nothing newer was ever sent"
    engine.run(factory.campaign(tenant, [lane], contacts=1))
    let_hours_pass(factory, 0)
    assert resend(engine.deps) == 0, "something newer was sent, and the search does not show it"
    assert factory.value("SELECT lookup_found_at FROM instances") is None
    assert len(sandbox.ledger(lane.name)) == 3


def test_resend_once_sends_again_exactly_once(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 2)
    policy(factory, campaign, "resend_once")
    let_hours_pass(factory)
    engine.run(factory.campaign(tenant, [lane], contacts=1))
    sandbox.faults(NOT_SENT)
    assert resend(engine.deps) == 2
    assert factory.value("SELECT lookup_found_at IS NOT NULL FROM instances")
    assert differences(factory) == {}
    engine.run(campaign)
    assert factory.recount(campaign).in_doubt == 2
    assert [one["reopened"] for one in events_of(factory, campaign, "campaign_started")] == [
        False,
        True,
    ]
    assert len(events_of(factory, campaign, "campaign_complete")) == 2
    sandbox.faults()
    let_hours_pass(factory)
    assert resend(engine.deps) == 0, "once per message, ever"
    assert factory.value("SELECT max(attempts) FROM messages") == 2
    assert differences(factory) == {}


def test_nothing_goes_again_while_the_provider_does_not_answer(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 1)
    policy(factory, campaign, "resend_once")
    let_hours_pass(factory)
    engine.run(factory.campaign(tenant, [lane], contacts=1))
    sandbox.faults({"match": {"route": "chat/*"}, "do": {"error": "proxy_503"}})
    assert resend(engine.deps) == 0
    sandbox.faults()
    assert resend(engine.deps) == 0, "it was tried a moment ago"
    let_hours_pass(factory, 0)
    assert resend(engine.deps) == 1


def test_a_last_look_settles_what_was_about_to_go_again(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    sent_and_refused = {"match": {"route": "message/*"}, "do": {"error": "proxy_504_after_send"}}
    campaign = doubtful(engine, sandbox, lane, tenant, 2, fault=sent_and_refused)
    policy(factory, campaign, "resend_once")
    let_hours_pass(factory)
    assert resend(engine.deps) == 0
    assert factory.recount(campaign).sent == 2
    assert len(sandbox.ledger(lane.name)) == 2
    assert differences(factory) == {}


def test_evidence_that_comes_after_a_decision_wins(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 2, fault=SENT_AND_LOST)
    assert decide(factory, campaign, "failed", [0]) == 1
    assert decide(factory, campaign, "resend", [1]) == 1
    assert differences(factory) == {}
    for entry in sandbox.ledger(lane.name):
        webhook(factory, lane, "send.message", handed_over(entry))
    apply_inbox(engine.deps)
    assert factory.recount(campaign).sent == 2
    assert differences(factory) == {}
    engine.run(campaign)
    assert len(sandbox.ledger(lane.name)) == 2
    assert differences(factory) == {}


def test_a_decision_after_the_evidence_meets_nothing(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 1, fault=SENT_AND_LOST)
    webhook(factory, lane, "send.message", handed_over(sandbox.ledger(lane.name)[0]))
    apply_inbox(engine.deps)
    for decision in ("sent", "failed", "resend"):
        assert decide(factory, campaign, decision) == 0
    assert factory.recount(campaign).sent == 1


@pytest.mark.parametrize("decision", ["sent", "failed", "resend"])
def test_decisions_and_evidence_at_the_same_instant_end_as_sent(
    decision: str,
    engine: Engine,
    factory: Factory,
    sandbox: Sandbox,
    lane: InstanceRow,
    tenant: Tenant,
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 12, fault=SENT_AND_LOST)
    for entry in sandbox.ledger(lane.name):
        webhook(factory, lane, "send.message", handed_over(entry))
    together = threading.Barrier(4)

    def decides(positions: list[int]) -> None:
        together.wait()
        for position in positions:
            decide(factory, campaign, decision, [position])

    def applies() -> None:
        together.wait()
        apply_inbox(engine.deps)

    threads = [
        threading.Thread(target=decides, args=(list(range(12)),)),
        threading.Thread(target=decides, args=(list(range(11, -1, -1)),)),
        threading.Thread(target=applies),
    ]
    for thread in threads:
        thread.start()
    together.wait()
    for thread in threads:
        thread.join()
    apply_inbox(engine.deps)
    assert factory.recount(campaign).sent == 12
    assert differences(factory) == {}
    engine.run(campaign)
    assert len(sandbox.ledger(lane.name)) == 12


def test_decided_as_sent_is_told_as_late_and_decided(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 2)
    assert decide(factory, campaign, "sent") == 2
    told = events_of(factory, campaign, "message_sent")
    assert [(one["late"], one["decided"]) for one in told] == [(True, True)] * 2
    assert factory.value("SELECT count(*) FROM open_sends") == 0
    assert differences(factory) == {}


def test_evidence_for_what_a_person_took_for_sent_lets_receipts_find_it(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 1, fault=SENT_AND_LOST)
    decide(factory, campaign, "sent")
    (entry,) = sandbox.ledger(lane.name)
    webhook(factory, lane, "send.message", handed_over(entry))
    apply_inbox(engine.deps)
    assert factory.value("SELECT provider_id FROM messages") == entry["key_id"]
    assert factory.recount(campaign).sent == 1
    assert differences(factory) == {}


def test_two_matches_are_sent_and_suspected_to_be_twice(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    sent_and_refused = {"match": {"route": "message/*"}, "do": {"error": "proxy_504_after_send"}}
    campaign = doubtful(engine, sandbox, lane, tenant, 1, fault=sent_and_refused)
    phone = str(factory.value("SELECT phone FROM contacts"))
    answer = sandbox.client.post(
        f"/message/sendText/{lane.name}", json={"number": phone, "text": "Olá Pessoa 0!"}
    )
    assert answer.status_code == 201
    engine.run_until(lambda: factory.recount(campaign).sent == 1)
    assert factory.value("SELECT duplicate_suspected FROM messages") is True


def test_evidence_under_a_hidden_id_settles_the_only_doubt_with_that_text(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = doubtful(engine, sandbox, lane, tenant, 2, names=["Ana", "Bia"])
    body = {
        "key": {"id": "3EB0HIDDEN", "fromMe": True, "remoteJid": "77@lid"},
        "message": {"conversation": "Olá Bia!"},
        "messageTimestamp": int(time.time()),
    }
    webhook(factory, lane, "send.message", body)
    apply_inbox(engine.deps)
    assert factory.rows("SELECT position, remote_jid FROM messages WHERE status = 'sent'") == [
        (1, "77@lid")
    ]
    assert factory.recount(campaign).in_doubt == 1


def test_a_campaign_with_more_than_twenty_doubts_is_paused_until_a_person_resumes_it(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    campaign = factory.campaign(tenant, [lane], contacts=100)
    sandbox.faults(NOT_SENT)
    engine.run_until(lambda: factory.recount(campaign).in_doubt > 20)
    let_the_batch_end(engine, campaign)
    assert pause_many(engine.deps) == 0, "their first looks are not over"
    make_early_looks(factory)
    assert pause_many(engine.deps) == 1
    assert engine.status(campaign) == "paused"
    (told,) = events_of(factory, campaign, "campaign_paused")
    assert told["reason"] == "many_doubts"
    assert told["doubts"] > 20
    assert factory.value("SELECT waiting_reason FROM campaign_pace") == "many_doubts"
    resume(factory, campaign)
    assert pause_many(engine.deps) == 0, "a person has seen these"
    sandbox.faults()
    engine.run(campaign, seconds=40)
    assert differences(factory) == {}


def test_random_decisions_and_policies_leave_the_books_right(
    engine: Engine, factory: Factory, sandbox: Sandbox, lane: InstanceRow, tenant: Tenant
) -> None:
    dice = random.Random(20_26)  # noqa: S311  the same story every time
    campaigns_ = [
        doubtful(engine, sandbox, lane, tenant, 8, fault=dice.choice((NOT_SENT, SENT_AND_LOST)))
        for _ in range(3)
    ]
    for _ in range(25):
        campaign = dice.choice(campaigns_)
        positions = dice.sample(range(8), dice.randint(1, 3))
        deed = dice.choice(("sent", "failed", "resend", "policy", "evidence", "retry", "turn"))
        if deed in ("sent", "failed", "resend"):
            decide(factory, campaign, deed, positions)
        elif deed == "policy":
            policy(factory, campaign, dice.choice(("hold", "give_up", "resend_once")))
            let_hours_pass(factory, 0.9)
            apply_policies(engine.deps)
        elif deed == "evidence":
            for entry in dice.sample(sandbox.ledger(lane.name), 2):
                webhook(factory, lane, "send.message", handed_over(entry))
            apply_inbox(engine.deps)
        elif deed == "retry":
            retry(factory, campaign, ["outcome_unknown"])
        else:
            engine.turn()
        torn = factory.value(
            "SELECT count(*) FROM campaign_counters AS c JOIN (SELECT campaign_id, count(*) AS done"
            "  FROM messages WHERE status NOT IN ('pending', 'leased', 'sending')"
            "  GROUP BY campaign_id) AS m USING (campaign_id) WHERE c.processed <> m.done"
        )
        assert torn == 0, deed
    for campaign in campaigns_:
        engine.run(campaign)
    assert differences(factory) == {}


def retry(factory: Factory, campaign: CampaignRow, codes: list[str] | None) -> int:
    """Failures go again, as the API has it; returns how many."""
    key = (campaign.tenant_id, campaign.campaign_id)
    with factory.connect() as conn, conn.transaction():
        status = campaign_changes.lock(conn, *key)  # type: ignore[arg-type]
        count = campaign_changes.take_back(conn, *key, ["failed"], codes=codes)  # type: ignore[arg-type]
        if count:
            campaign_changes.reopen(conn, *key)  # type: ignore[arg-type]
            if status == "completed":
                campaign_changes.count_reopened(conn, campaign.tenant_id)  # type: ignore[arg-type]
    return count


def resume(factory: Factory, row: CampaignRow) -> None:
    with factory.connect() as conn, conn.transaction():
        campaign = campaigns.get_campaign(conn, row.tenant_id, row.public_id)  # type: ignore[arg-type]
        campaigns.resume(conn, row.tenant_id, campaign)  # type: ignore[arg-type]


def make_early_looks(factory: Factory) -> None:
    with factory.connect() as conn:
        conn.execute("UPDATE open_sends SET looks = 5 WHERE in_doubt")


def let_the_batch_end(engine: Engine, campaign: CampaignRow) -> None:
    """Nothing of the campaign is on its way; nothing new is leased."""
    deadline = time.monotonic() + 20
    while engine.factory.value(
        "SELECT count(*) FROM messages WHERE status IN ('leased', 'sending')"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)
