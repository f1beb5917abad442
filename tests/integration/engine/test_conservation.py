"""After any mix of outcomes the counters and rollups equal a full recount of the rows."""

import random
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from deploy.local.ports import free_port
from shared.db import campaigns as campaign_rows
from shared.db import open_sends
from shared.errors import InvalidTransition
from tests.factories import CampaignRow, Factory, InstanceRow
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.deps import open_deps
from worker.sender import Sender

SEEDS = (7, 2024, 99_991)

#: What the provider does, and how often: it accepts all the rest.
FAULTS: list[tuple[float, dict[str, object]]] = [
    (0.05, {"error": "connection_closed_500"}),
    (0.05, {"error": "database_error_after_send"}),
    (0.04, {"error": "proxy_504_after_send"}),
    (0.04, {"error": "timed_out_400"}),
    (0.04, {"error": "proxy_502"}),
    (0.05, {"error": "proxy_503"}),
    (0.03, {"error": "proxy_429", "retry_after": 0.1}),
    (0.04, {"reset": True, "send": True}),
    (0.04, {"reset": True, "send": False}),
    (0.02, {"hang": True, "send": True}),
    (0.03, {"error": "created_unreadable_body"}),
    (0.05, {"error": "bad_media_400"}),
]

# Each rollup beside its recount: rows that stand in only one of the two are a fault.
COUNTERS = """
SELECT c.campaign_id, c.total, c.processed, c.skipped, c.sent, c.delivered, c.read, c.replied,
       c.failed, c.in_doubt, c.cancelled, c.attempts
  FROM campaign_counters AS c ORDER BY 1
"""
COUNTED = """
SELECT m.campaign_id, count(*)::int,
       (count(*) FILTER (WHERE status NOT IN ('pending', 'leased', 'sending')))::int,
       (count(*) FILTER (WHERE status = 'skipped'))::int,
       (count(*) FILTER (WHERE status IN ('sent', 'delivered', 'read')))::int,
       (count(*) FILTER (WHERE status IN ('delivered', 'read')))::int,
       (count(*) FILTER (WHERE status = 'read'))::int,
       (count(*) FILTER (WHERE replied_at IS NOT NULL))::int,
       (count(*) FILTER (WHERE status = 'failed'))::int,
       (count(*) FILTER (WHERE status = 'in_doubt'))::int,
       (count(*) FILTER (WHERE status = 'cancelled'))::int,
       (SELECT count(*) FROM attempts AS a WHERE a.campaign_id = m.campaign_id)::int
  FROM messages AS m GROUP BY m.campaign_id ORDER BY 1
"""
HOURS = """
SELECT campaign_id, sum(sent)::int, sum(failed)::int FROM campaign_hours
 GROUP BY campaign_id ORDER BY 1
"""
HOURS_COUNTED = """
SELECT campaign_id, (count(*) FILTER (WHERE sent_at IS NOT NULL))::int,
       (count(*) FILTER (WHERE status = 'failed'))::int
  FROM messages WHERE sent_at IS NOT NULL OR status = 'failed' GROUP BY campaign_id ORDER BY 1
"""
ERRORS = "SELECT campaign_id, kind, code, count FROM campaign_errors ORDER BY 1, 2, 3"
ERRORS_COUNTED = """
SELECT campaign_id, status, reason, count(*)::int FROM messages
 WHERE status IN ('failed', 'skipped') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
DAYS = "SELECT tenant_id, sum(sent)::int, sum(failed)::int FROM usage_daily GROUP BY 1 ORDER BY 1"
DAYS_COUNTED = """
SELECT tenant_id, (count(*) FILTER (WHERE sent_at IS NOT NULL))::int,
       (count(*) FILTER (WHERE status = 'failed'))::int
  FROM messages WHERE sent_at IS NOT NULL OR status = 'failed' GROUP BY 1 ORDER BY 1
"""
ATTEMPTS = """
SELECT m.campaign_id, m.position, m.attempts FROM messages AS m WHERE m.attempts > 0 ORDER BY 1, 2
"""
ATTEMPTS_COUNTED = """
SELECT campaign_id, position, count(*)::smallint FROM attempts
 WHERE ended_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
# An unresolved send belongs to a doubt, and to nothing else.
OPEN_SENDS = "SELECT campaign_id, position FROM open_sends ORDER BY 1, 2"
OPEN_SENDS_COUNTED = """
SELECT campaign_id, position FROM open_sends JOIN messages USING (campaign_id, position, tenant_id)
 WHERE status = 'in_doubt' ORDER BY 1, 2
"""

PAIRS = {
    "counters": (COUNTERS, COUNTED),
    "hours": (HOURS, HOURS_COUNTED),
    "errors": (ERRORS, ERRORS_COUNTED),
    "days": (DAYS, DAYS_COUNTED),
    "attempts": (ATTEMPTS, ATTEMPTS_COUNTED),
    "open sends": (OPEN_SENDS, OPEN_SENDS_COUNTED),
}


class Scene:
    """Campaigns on shared numbers, and everything that may happen to them."""

    def __init__(self, seed: int, engine: Engine, factory: Factory, sandbox: Sandbox) -> None:
        self.dice = random.Random(seed)  # noqa: S311  the same story for the same seed
        self.engine = engine
        self.factory = factory
        self.sandbox = sandbox
        self.acked = 0
        self.lanes: list[InstanceRow] = []
        self.campaigns: list[CampaignRow] = []
        self.phones: list[str] = []
        for tenant_at in range(2):
            tenant = factory.tenant(per_second=400)
            lanes = [factory.instance(tenant) for _ in range(3)]
            for lane in lanes:
                sandbox.create_instance(lane.name)
            self.lanes += lanes
            for at in range(3):
                # The same people, in part, in every campaign of a tenant.
                phones = [f"551196{tenant_at}{at % 2:03d}{number:03d}" for number in range(30)]
                self.phones += phones
                chosen = self.dice.sample(lanes, self.dice.randint(1, 3))
                self.campaigns.append(factory.campaign(tenant, chosen, phones=phones))
        for phone in self.dice.sample(sorted(set(self.phones)), 12):
            sandbox.number(phone, on_whatsapp=False)
        sandbox.tune(latency_ms=5)
        sandbox.faults(
            *({"match": {"route": "message/*"}, "probability": p, "do": do} for p, do in FAULTS)
        )

    def disturb(self) -> None:
        """One thing that people, the provider or a dying worker do."""
        deed = self.dice.choice(
            (self.opt_out, self.receipts, self.receipts, self.reply, self.pause, self.resume,
             self.lose_a_batch, self.repeat_a_batch, self.cancel)
        )  # fmt: skip
        deed()

    def opt_out(self) -> None:
        self._write(self.dice.choice(self.lanes), "SAIR")

    def reply(self) -> None:
        self._write(self.dice.choice(self.lanes), "Obrigada!")

    def receipts(self) -> None:
        """Acks of what was handed over, in any order, some twice."""
        sent = self.sandbox.ledger()[self.acked :]
        self.acked += len(sent)
        lanes = {lane.name: lane for lane in self.lanes}
        acks = [(row, status) for row in sent for status in self._acks()]
        self.dice.shuffle(acks)
        for row, status in acks:
            body = {"keyId": row["key_id"], "remoteJid": row["jid"], "status": status}
            self._webhook(lanes[row["instance"]], "messages.update", body)

    def pause(self) -> None:
        self._move(campaign_rows.pause)

    def resume(self) -> None:
        self._move(campaign_rows.resume)

    def cancel(self) -> None:
        if self.dice.random() < 0.3:
            self._move(campaign_rows.cancel)

    def lose_a_batch(self) -> None:
        """A worker died with a task that it had not begun."""
        self.engine.dispatch()
        if self.engine.batches:
            self.engine.batches.pop()

    def repeat_a_batch(self) -> None:
        """The broker delivers a task twice."""
        self.engine.dispatch()
        self.engine.batches += self.engine.batches[:1]

    def _acks(self) -> list[str]:
        known = ["SERVER_ACK", "DELIVERY_ACK", "READ"][: self.dice.randint(0, 3)]
        return known + self.dice.choices(known, k=1) if known else []

    def _write(self, lane: InstanceRow, text: str) -> None:
        body = {
            "key": {
                "remoteJid": f"{self.dice.choice(self.phones)}@s.whatsapp.net",
                "fromMe": False,
                "id": uuid4().hex,
            },
            "message": {"conversation": text},
            "messageTimestamp": int(time.time()),
        }
        self._webhook(lane, "messages.upsert", body)

    def _webhook(self, lane: InstanceRow, event: str, body: object) -> None:
        with self.factory.connect() as conn:
            conn.execute(
                "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
                " VALUES (%s, %s, %s, %s, %s)",
                (lane.tenant_id, lane.instance_id, event, uuid4().hex, Jsonb(body)),
            )

    def _move(self, move: object) -> None:
        row = self.dice.choice(self.campaigns)
        with self.factory.connect() as conn, conn.transaction():
            campaign = campaign_rows.get_campaign(conn, row.tenant_id, row.public_id)  # type: ignore[arg-type]
            try:
                move(conn, row.tenant_id, campaign)  # type: ignore[operator]
            except InvalidTransition:
                return

    def settle(self) -> None:
        """Nothing is disturbed any more: paused campaigns go on, all come to their end."""
        self.sandbox.faults()
        for row in self.campaigns:
            with self.factory.connect() as conn, conn.transaction():
                campaign = campaign_rows.get_campaign(conn, row.tenant_id, row.public_id)  # type: ignore[arg-type]
                if campaign.status == "paused":
                    campaign_rows.resume(conn, row.tenant_id, campaign)  # type: ignore[arg-type]
        self.engine.run_until(self._only_doubts_hold, seconds=60)
        # A doubt holds up whatever else goes to its recipient from that number, for a day.
        with self.factory.connect() as conn:
            conn.execute("UPDATE open_sends SET started_at = started_at - interval '25 hours'")
            open_sends.close_windows(conn, hours=24)  # type: ignore[arg-type]
        self.engine.run_until(self._over, seconds=60)
        self.receipts()
        self.engine.run_until(self._inbox_settled, seconds=20)

    def _only_doubts_hold(self) -> bool:
        return not self.factory.rows(
            "SELECT FROM messages WHERE status IN ('leased', 'sending')"
            "    OR (status = 'pending' AND reason IS DISTINCT FROM 'open_send')"
        )

    def _over(self) -> bool:
        return self.factory.value("SELECT count(*) FROM campaigns WHERE finished_at IS NULL") == 0

    def _inbox_settled(self) -> bool:
        waiting = "SELECT count(*) FROM provider_inbox WHERE settled_at IS NULL AND tries = 0"
        return self.factory.value(waiting) == 0

    def differences(self) -> dict[str, object]:
        """What stands in a rollup and not in the rows, or the other way round."""
        found = {}
        for name, (kept, counted) in PAIRS.items():
            left, right = set(self.factory.rows(kept)), set(self.factory.rows(counted))
            if left != right:
                found[name] = {"kept": sorted(left - right), "counted": sorted(right - left)}
        return found


@pytest.fixture
def blind(engine: Engine) -> Iterator[Sender]:
    """A worker whose way to the provider is closed: every connection is refused."""
    nowhere = {"evolution_api_url": f"http://127.0.0.1:{free_port()}"}
    deps = open_deps(engine.deps.settings.model_copy(update=nowhere), name="blind")
    sender = Sender(deps, lambda: None)
    sender.start()
    yield sender
    assert sender.drain(20)
    deps.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_counters_and_rollups_equal_a_recount_after_any_mix_of_outcomes(
    seed: int, engine: Engine, blind: Sender, factory: Factory, sandbox: Sandbox
) -> None:
    scene = Scene(seed, engine, factory, sandbox)
    until = time.monotonic() + 6
    while time.monotonic() < until:
        scene.disturb()
        engine.dispatch()
        if engine.batches and scene.dice.random() < 0.1:
            blind.accept(engine.batches.pop())
        engine.turn()
        # Whatever stands in between adds up too, in one look at one instant.
        torn = factory.value(
            "SELECT count(*) FROM campaign_counters AS c JOIN (SELECT campaign_id, count(*) AS done"
            "  FROM messages WHERE status NOT IN ('pending', 'leased', 'sending')"
            "  GROUP BY campaign_id) AS m USING (campaign_id) WHERE c.processed <> m.done"
        )
        assert torn == 0
        time.sleep(0.02)
    scene.settle()
    assert scene.differences() == {}
    outcomes = dict(factory.rows("SELECT status, count(*)::int FROM messages GROUP BY status"))
    assert {"failed", "in_doubt", "skipped"} & set(outcomes), outcomes
    assert sum(outcomes.values()) == len(scene.phones)  # type: ignore[arg-type]
