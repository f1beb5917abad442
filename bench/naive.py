"""The naive design, to be held against: one Celery task for each message, on threads.

The same rules as ours: our own statements with one message each (lease, begin, verdict with
counters, rollups and events), the same database, stub and broker, two commits around one blocking
call. What would flatter us is left out: events are published in batches by our own outlet, leases
are taken by one statement, and the client is urllib3, the cheapest of the usual ones.

`celery --app bench.naive worker` sends what `python -m bench.naive CAMPAIGN…` asks for.
"""

import random
import sys
import time
from uuid import UUID

import orjson
import urllib3
from celery import signals
from kombu.entity import Queue

from celery_config import make_celery
from shared.db import messages as rows
from shared.db.events import Audience, NamedContact
from shared.db.messages import LeasedMessage, OpenAttempt
from shared.db.pool import connection
from shared.domain.delivery import Receipt, Verdict, sent, verdict_for
from shared.errors import OutcomeUnknown, ProviderError
from shared.providers.evolution_answers import receipt_of
from shared.settings import settings
from worker.completion import finish
from worker.deps import Deps, open_deps

_THREADS = 50

app = make_celery(settings())
app.conf.update(
    task_queues=[Queue("naive")],
    task_default_queue="naive",
    task_routes={},
    worker_pool="threads",
    worker_concurrency=_THREADS,
    worker_prefetch_multiplier=4,  # Celery's own default: kinder to one task a message than ours
)

_http = urllib3.PoolManager(maxsize=_THREADS, retries=False)
_held: list[Deps] = []

# What dispatch does for us, for all messages at once.
_LEASE = """
  WITH started AS (
        UPDATE campaigns SET status = 'running', started_at = clock_timestamp()
         WHERE campaign_id = ANY(%(campaign_ids)s)
     RETURNING tenant_id, campaign_id)
UPDATE messages AS m
   SET status = 'leased', lease_id = gen_random_uuid(), lease_until = now() + interval '1 hour',
       slot_at = now(), instance_id = i.instance_id
  FROM started JOIN campaign_instances AS i USING (tenant_id, campaign_id)
 WHERE m.tenant_id = i.tenant_id AND m.campaign_id = i.campaign_id AND m.status = 'pending'
RETURNING m.tenant_id, m.campaign_id, m.position, m.lease_id
"""


@signals.worker_init.connect
def _open(**_: object) -> None:
    _held.append(open_deps(settings(), name="naive"))


@signals.worker_shutdown.connect
def _close(**_: object) -> None:
    for deps in _held:
        deps.close()


@app.task(name="naive.send", acks_late=True)
def send(tenant_id: int, campaign_id: int, position: int, lease: str) -> None:
    """One message: load and begin, call, record."""
    (deps,) = _held
    lease_id = UUID(lease)
    with connection(deps.pool) as conn:
        found = rows.load_leased(conn, lease_id, [(tenant_id, campaign_id, position)])
        if not found:
            return
        (message,) = found
        begun = rows.begin_attempts(
            conn,
            [(message, lease_id)],
            hash_phone=deps.hash_phone,
            open_seconds=deps.open_seconds,
        )
    if not begun:
        return
    attempt = OpenAttempt(tenant_id, campaign_id, position, lease_id, message.attempts + 1)
    verdict = _call(deps, message)
    with connection(deps.pool) as conn:
        settlement = rows.record_verdicts(
            conn, [(attempt, verdict)], quiet_seconds=deps.quiet_seconds
        )
    key = (campaign_id, position)
    audience = Audience(campaign_id, message.public_id, message.user_id)
    contact = NamedContact(*key, message.name, message.phone, message.body)
    deps.outlet.tell(settlement.events, {campaign_id: audience}, {key: contact})
    deps.outlet.tell(finish(deps.pool, settlement.done))


def _call(deps: Deps, message: LeasedMessage) -> Verdict:
    began = time.monotonic()
    try:
        receipt = _post(deps, message)
    except ProviderError as error:
        jitter = random.random()  # noqa: S311  spreads retries
        failures = message.failures + 1
        return verdict_for(error, failures=failures, policy=deps.backoff, jitter=jitter)
    return sent(receipt, duration_seconds=time.monotonic() - began)


def _post(deps: Deps, message: LeasedMessage) -> Receipt:
    try:
        answer = _http.request(
            "POST",
            f"{deps.settings.evolution_api_url}/message/sendText/i{message.instance_id}",
            body=orjson.dumps({"number": message.phone, "text": message.body}),
            headers={"apikey": "bench", "Content-Type": "application/json"},
        )
        return receipt_of(answer.status, orjson.loads(answer.data), answer.headers)
    except (urllib3.exceptions.HTTPError, orjson.JSONDecodeError) as exc:
        raise OutcomeUnknown("connection_lost", repr(exc)) from exc


@app.task(name="naive.start")
def start(campaign_ids: list[int]) -> None:
    """Lease all messages of these campaigns and enqueue a task for each, campaigns side by side."""
    (deps,) = _held
    with connection(deps.pool) as conn:
        leased = conn.execute(_LEASE, {"campaign_ids": campaign_ids}).fetchall()
    leased.sort(key=lambda row: (row[2], row[1]))
    with app.producer_or_acquire() as producer:
        for tenant_id, campaign_id, position, lease_id in leased:
            args = [tenant_id, campaign_id, position, str(lease_id)]
            app.send_task("naive.send", args=args, producer=producer)


if __name__ == "__main__":
    app.send_task("naive.start", args=[[int(word) for word in sys.argv[1:]]])
