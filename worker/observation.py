"""What control tells of the engine when it is scraped: read from PostgreSQL and Redis, not counted.

However many control processes there are, one at a time has the duty and tells; the others say only
what they see of PostgreSQL and Redis. So a sum over processes is right, nothing is told twice, and
what a dead process last said ends with it. A look lasts a few seconds, whoever scrapes how often.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from uuid import uuid4

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from shared.db import observation as rows
from shared.db.observation import Observation
from shared.db.pool import connection
from shared.errors import RapidFlowError
from shared.observability.logging import get_logger
from shared.queue.names import Queue
from worker.deps import Deps
from worker.watchdog import queue_length

log = get_logger(__name__)

WATCHDOG: Final = "watchdog_ends"
_DUTY: Final = "observe"
_DUTY_SECONDS: Final = 30.0  # then another process tells; well over a scrape interval
_FRESH_SECONDS: Final = 2.0
_LAST_WORDS_SECONDS: Final = 3.0
_BREAKER_LEVELS: Final = {"closed": 0, "half-open": 1, "open": 2}
_LIVE: Final = ("scheduled", "pending", "running", "paused")
_ENDS: Final = ("deaf", "untaken", "stalled")


class EngineCollector(Collector):
    """Registered once in a control process."""

    def __init__(self, deps: Callable[[], Deps]) -> None:
        self._deps = deps
        self._holder = uuid4().hex
        self._lock = threading.Lock()
        self._told: list[Metric] = []
        self._told_at = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are not looked up before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families of this moment; those of the engine only from who has the duty."""
        with self._lock:
            if time.monotonic() - self._told_at > _FRESH_SECONDS:
                self._told = list(self._look())
                self._told_at = time.monotonic()
            told = self._told
        yield from told

    def _look(self) -> Iterator[Metric]:
        try:
            deps = self._deps()
        except (RapidFlowError, psycopg.Error) as exc:
            log.warning("engine_not_observed", error=repr(exc))
            yield _dependencies(postgresql=False, redis=None)
            return
        redis = _Redis(deps)
        try:
            observed = self._observe(deps)
        except (RapidFlowError, psycopg.Error) as exc:
            log.warning("engine_not_observed", error=repr(exc))
            yield _dependencies(postgresql=False, redis=redis.answers)
            return
        yield _dependencies(postgresql=True, redis=redis.answers)
        yield GaugeMetricFamily(
            "rapidflow_observing",
            "1 in the one control process that tells of the engine.",
            value=float(observed is not None),
        )
        if observed is not None:
            yield from families(observed)
            yield from redis.families()

    def _observe(self, deps: Deps) -> Observation | None:
        with connection(deps.pool) as conn:
            if not rows.take_duty(conn, _DUTY, holder=self._holder, seconds=_DUTY_SECONDS):
                return None
            after = deps.settings.sweep.unconfirmed_seconds
            return rows.observe(conn, unconfirmed_after_seconds=after)


class _Redis:
    """What Redis says of itself and of our queues; nothing where it does not answer."""

    def __init__(self, deps: Deps) -> None:
        environment = deps.settings.environment
        self._lengths = {q: queue_length(deps.redis, environment, [q.value]) for q in Queue}
        self._memory: dict[str, float] = {}
        self.answers = None not in self._lengths.values()
        if self.answers:
            try:
                self._memory = deps.redis.info("memory")
            except RedisError:
                self.answers = False

    def families(self) -> Iterator[Metric]:
        """Queue lengths and memory."""
        if not self.answers:
            return
        lengths = {queue.value: float(n or 0) for queue, n in self._lengths.items()}
        yield _by(
            "rapidflow_queue_tasks", "Tasks in Redis that nobody has taken.", "queue", lengths
        )
        yield GaugeMetricFamily(
            "rapidflow_redis_memory_bytes",
            "Memory Redis uses.",
            value=float(self._memory.get("used_memory", 0)),
        )
        yield GaugeMetricFamily(
            "rapidflow_redis_memory_limit_bytes",
            "Memory Redis may use; 0: no limit of its own.",
            value=float(self._memory.get("maxmemory", 0)),
        )


def remember_end(deps: Callable[[], Deps], reason: str) -> None:
    """Count in the database that this process ends itself; it does not wait long for that."""

    def write() -> None:
        try:
            with connection(deps().pool) as conn:
                rows.add_tally(conn, WATCHDOG, reason)
        except (RapidFlowError, psycopg.Error) as exc:
            log.warning("end_not_counted", reason=reason, error=repr(exc))

    writer = threading.Thread(target=write, name="last-words", daemon=True)
    writer.start()
    writer.join(timeout=_LAST_WORDS_SECONDS)


def families(seen: Observation) -> Iterator[Metric]:
    """Everything read from PostgreSQL, as metrics."""
    messages, backlog = seen.messages, seen.backlog
    yield _by(
        "rapidflow_messages",
        "Messages of all campaigns by status, from the database.",
        "status",
        {
            "pending": messages.pending,
            "leased": messages.leased,
            "sending": messages.sending,
            "sent": messages.sent,
            "failed": messages.failed,
            "in_doubt": messages.in_doubt,
        },
    )
    yield _by(
        "rapidflow_campaigns",
        "Campaigns by status, from the database; of the ended ones those that were completed.",
        "status",
        {**dict.fromkeys(_LIVE, 0), **seen.campaigns, "completed": messages.completed},
    )
    yield _by(
        "rapidflow_campaigns_waiting",
        "Live campaigns that wait, by reason.",
        "reason",
        seen.waiting,
    )
    yield from _seconds(seen)
    gauges = {
        "rapidflow_texts_waiting": (
            "Messages whose text is not written yet.",
            backlog.texts_waiting,
        ),
        "rapidflow_lanes_leased": ("WhatsApp instances in a batch now.", backlog.lanes_leased),
        "rapidflow_postgresql_connections": (
            "Client connections PostgreSQL has.",
            backlog.connections,
        ),
        "rapidflow_postgresql_connections_limit": (
            "Client connections PostgreSQL allows.",
            backlog.max_connections,
        ),
        "rapidflow_postgresql_size_bytes": ("Size of the database.", backlog.database_bytes),
    }
    for name, (text, value) in gauges.items():
        yield GaugeMetricFamily(name, text, value=value)
    yield from _instances(seen)
    ends = CounterMetricFamily(
        "rapidflow_watchdog_ends",
        "Processes that ended because they did no work; kept in the database.",
        labels=["reason"],
    )
    for reason in _ENDS:
        ends.add_metric([reason], seen.tallies.get((WATCHDOG, reason), 0))
    yield ends


def _seconds(seen: Observation) -> Iterator[Metric]:
    lag = seen.backlog.dispatch_lag_seconds
    ages = {
        "rapidflow_dispatch_lag_seconds": (
            "How long a message that may go now has waited for dispatch.",
            lag,
        ),
        "rapidflow_oldest_due_message_seconds": (
            "How long the oldest message that may go now has not gone: undispatched, or leased.",
            max(lag, seen.messages.late_seconds),
        ),
        "rapidflow_oldest_unpublished_event_seconds": (
            "Age of the oldest event that sockets were not told.",
            seen.backlog.oldest_event_seconds,
        ),
        "rapidflow_oldest_unread_webhook_seconds": (
            "How long the oldest provider webhook that is due has waited.",
            seen.backlog.oldest_webhook_seconds,
        ),
    }
    for name, (text, value) in ages.items():
        yield GaugeMetricFamily(name, text, value=value)


def _instances(seen: Observation) -> Iterator[Metric]:
    label = "evolution_instance"
    yield _by(
        "rapidflow_breaker_state",
        "Breaker of an instance: 0 closed, 1 half-open, 2 open.",
        label,
        {lane.name: _BREAKER_LEVELS[lane.state] for lane in seen.lanes},
    )
    yield _by(
        "rapidflow_instance_connected",
        "Whether Evolution says that the instance is connected.",
        label,
        {lane.name: lane.connected for lane in seen.lanes},
    )
    yield _by(
        "rapidflow_unconfirmed_sends",
        "Sends of the last day without any receipt for ten minutes; 1000 means at least so many.",
        label,
        {lane.name: lane.unconfirmed for lane in seen.lanes},
    )


def _dependencies(*, postgresql: bool, redis: bool | None) -> Metric:
    seen = {"postgresql": postgresql, "redis": redis}
    return _by(
        "rapidflow_dependency_up",
        "Whether this process is answered by what it depends on.",
        "dependency",
        {name: up for name, up in seen.items() if up is not None},
    )


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], float(number))
    return family
