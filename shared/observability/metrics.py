"""Everything we count, declared in one place behind `record_…` helpers (docs/metrics.md).

Labels are few and bounded: no campaign, recipient, tenant or user. A process has one registry of
its own; only gunicorn with `RAPIDFLOW_HTTP__WORKERS` > 1 shares files (PROMETHEUS_MULTIPROC_DIR,
set by deploy.gunicorn before the first import of this module). Queue depth, breakers and the like
are not counted here: control reads them from PostgreSQL when it is scraped (worker/observation.py).
"""

import platform
import threading
import weakref
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BREAKER_STATES: Final = ("closed", "half-open", "open")
_FAST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CALL: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 40, 75)
_RECEIPT: Final = (1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class _Bounded:
    """Lets the first `limit` values of a label through; later ones count as `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        with self._lock:
            if len(self._known) >= self._limit:
                return OTHER
            self._known.add(value)
        return value


class _Children(Generic[Metric]):
    """Children of a metric by label values; a known one costs a dict hit.

    Each label has its bound; values beyond it share the child `other` and are not remembered.
    """

    def __init__(self, metric: Metric, *bounds: _Bounded) -> None:
        self._metric = metric
        self._bounds = bounds
        self._known: dict[tuple[str, ...], Metric] = {}

    def __call__(self, *values: str) -> Metric:
        child = self._known.get(values)
        return child if child is not None else self._make(values)

    def _make(self, values: tuple[str, ...]) -> Metric:
        within = tuple(bound(value) for bound, value in zip(self._bounds, values, strict=True))
        child: Metric = self._metric.labels(*within)
        if within == values:
            self._known[values] = child
        return child


disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more per counter, of no use

_codes = _Bounded(100)
_routes = _Bounded(200)
_instances = _Bounded(500)
_statuses = _Bounded(60)

_build = Gauge("rapidflow_build_info", "Always 1.", ["version", "python"], multiprocess_mode="max")

# The edge
_requests = _Children(
    Counter("rapidflow_http_requests_total", "Answered requests.", ["route", "method", "status"]),
    _routes,
    _Bounded(len(_METHODS) + 1),
    _statuses,
)
_request_seconds = _Children(
    Histogram(
        "rapidflow_http_request_seconds", "Time to answer.", ["route", "method"], buckets=_FAST
    ),
    _routes,
    _Bounded(len(_METHODS) + 1),
)
_refusals = _Children(
    Counter("rapidflow_rate_limited_total", "Requests refused by a limit.", ["limit"]), _codes
)
_shed = _Children(
    Counter("rapidflow_requests_shed_total", "Requests refused under load.", ["kind"]), _codes
)

# Sending
_attempts = Counter(
    "rapidflow_attempts_total",
    "Calls to the provider by verdict.",
    ["evolution_instance", "verdict"],
)
_verdicts = _Children(_attempts, _instances, _codes)
_call_seconds = _Children(
    Histogram(
        "rapidflow_provider_call_seconds",
        "Duration of a provider call.",
        ["operation"],
        buckets=_CALL,
    ),
    _codes,
)
_retries = _Children(
    Counter("rapidflow_retries_total", "Messages put back for another attempt.", ["code"]), _codes
)
_breaker = _Children(
    Counter("rapidflow_breaker_changes_total", "Breaker state changes.", ["state"]), _codes
)
_doubts_opened = Counter("rapidflow_doubts_opened_total", "Messages that may have been sent.")
_doubts_settled = _Children(
    Counter("rapidflow_doubts_settled_total", "Doubts settled, by outcome.", ["outcome"]), _codes
)
_duplicates = Counter(
    "rapidflow_duplicates_suspected_total", "Messages that WhatsApp has more than once."
)
_searches_cut = Counter(
    "rapidflow_searches_cut_total", "Searches for evidence that ended before the last page."
)
_leases_returned = _Children(
    Counter("rapidflow_leases_returned_total", "Leased messages handed back unsent.", ["reason"]),
    _codes,
)

# Control
_ticks = Counter("rapidflow_ticks_total", "Ticks of the clock that were worked on.")
_job_seconds = _Children(
    Histogram("rapidflow_job_seconds", "Duration of a part of a tick.", ["job"], buckets=_FAST),
    _codes,
)
_leases_given = Counter("rapidflow_leases_given_total", "Messages leased by dispatch.")
_dispatch_seconds = Histogram("rapidflow_dispatch_seconds", "One dispatch run.", buckets=_FAST)
_ended = _Children(
    Counter("rapidflow_campaigns_ended_total", "Campaigns that ended, by status.", ["status"]),
    _codes,
)
_paused = _Children(
    Counter("rapidflow_campaigns_paused_total", "Campaigns the engine paused.", ["reason"]), _codes
)
_repairs = _Children(
    Counter("rapidflow_sweep_repairs_total", "What dead processes left behind.", ["kind"]), _codes
)
_webhooks = _Children(
    Counter("rapidflow_webhooks_total", "Provider webhooks settled, by outcome.", ["outcome"]),
    _codes,
)
_receipt_seconds = _Children(
    Histogram(
        "rapidflow_receipt_delay_seconds",
        "From a send to what WhatsApp reports of it.",
        ["status"],
        buckets=_RECEIPT,
    ),
    _codes,
)
_replies = Counter("rapidflow_replies_total", "Messages that were answered.")
_opt_outs = Counter("rapidflow_opt_outs_total", "People who asked for no more messages.")
_texts = _Children(
    Counter(
        "rapidflow_model_texts_total",
        "Texts asked of the language model, by outcome.",
        ["outcome"],
    ),
    _codes,
)
_text_tokens = Counter("rapidflow_model_tokens_total", "Tokens the language model was paid for.")
_doorbells = _Children(
    Counter("rapidflow_doorbell_failures_total", "Tasks Redis did not take.", ["task"]), _codes
)

# Events and sockets
_published = Counter("rapidflow_events_published_total", "Events given to Redis.")
_dropped = Counter("rapidflow_event_batches_dropped_total", "Event batches Redis did not take.")
_sockets = Gauge("rapidflow_sockets_open", "WebSockets open now.", multiprocess_mode="livesum")
_sockets_closed = _Children(
    Counter("rapidflow_sockets_closed_total", "WebSockets closed.", ["reason"]), _codes
)
_sockets_refused = _Children(
    Counter("rapidflow_sockets_refused_total", "Handshakes refused.", ["reason"]), _codes
)
_frames = Counter("rapidflow_socket_frames_total", "Updates handed to sockets.")
_gaps = _Children(
    Counter("rapidflow_event_gaps_total", "Gaps in the feed, by how they ended.", ["outcome"]),
    _codes,
)
_feed_losses = Counter("rapidflow_feed_losses_total", "Times the event feed lost Redis.")

# Spans, where tracing is on
_spans = _Children(
    Counter(
        "rapidflow_trace_spans_total", "Spans that ended, by what became of them.", ["outcome"]
    ),
    _codes,
)

# Database connections of this process
_pool_size = Gauge(
    "rapidflow_pool_connections", "Open connections.", ["pool"], multiprocess_mode="livesum"
)
_pool_busy = Gauge(
    "rapidflow_pool_connections_busy", "Those in use.", ["pool"], multiprocess_mode="livesum"
)
_pool_limit = Gauge(
    "rapidflow_pool_connections_limit", "At most so many.", ["pool"], multiprocess_mode="livesum"
)
_pool_waiting = Gauge(
    "rapidflow_pool_requests_waiting",
    "Callers that wait for a connection.",
    ["pool"],
    multiprocess_mode="livesum",
)
_pool_refused = _Children(
    Counter("rapidflow_pool_refusals_total", "Callers that got no connection in time.", ["pool"]),
    _codes,
)
_pools: "weakref.WeakSet[ConnectionPool[Any]]" = weakref.WeakSet()


def record_request(route: str, method: str, status: int, seconds: float) -> None:
    """One answered HTTP request; `route` is the template (`/api/campaigns/<id>`)."""
    method = method if method in _METHODS else OTHER
    _requests(route, method, str(status)).inc()
    _request_seconds(route, method).observe(seconds)


def record_rate_limited(limit: str) -> None:
    """A request refused by a limit: `requests`, `login`, `exports`, `callbacks`."""
    _refusals(limit).inc()


def record_verdict(instance: str, verdict: str, count: int = 1) -> None:
    """Calls to the provider that ended: sent, retry, rest, failed, unknown."""
    _verdicts(instance, verdict).inc(count)


def attempts_by_verdict() -> dict[str, int]:
    """Calls of this process so far."""
    counted: dict[str, int] = {}
    for family in _attempts.collect():
        for sample in family.samples:
            verdict = sample.labels["verdict"]
            counted[verdict] = counted.get(verdict, 0) + int(sample.value)
    return counted


def record_provider_call(operation: str, seconds: float) -> None:
    """One call's duration; `operation` is `send_text`, `send_media`, `find_messages`, …"""
    _call_seconds(operation).observe(seconds)


def record_retries(code: str, count: int = 1) -> None:
    """Messages that wait for another attempt, by error code."""
    _retries(code).inc(count)


def record_shed(kind: str) -> None:
    """A request was refused under load: analytics, export, create or read."""
    _shed(kind).inc()


def record_breaker(state: str) -> None:
    """A breaker changed to `open`, `half-open` or `closed`."""
    _breaker(state).inc()


def record_doubts_opened(count: int = 1) -> None:
    """Messages whose outcome is unknown."""
    _doubts_opened.inc(count)


def record_doubts_settled(outcome: str, count: int = 1) -> None:
    """Doubts that ended: `sent`, `given_up`, `resent`, `operator_sent`, …"""
    _doubts_settled(outcome).inc(count)


def record_duplicate_suspected() -> None:
    """The evidence for one message was two messages."""
    _duplicates.inc()


def record_search_cut() -> None:
    """The provider had more messages than a search reads."""
    _searches_cut.inc()


def record_campaigns_ended(status: str, count: int = 1) -> None:
    """Campaigns that are over: `completed`, `failed`, `cancelled`."""
    _ended(status).inc(count)


def record_campaign_paused(reason: str) -> None:
    """A campaign that nobody but the engine paused: `many_doubts`."""
    _paused(reason).inc()


def record_texts(outcome: str, count: int = 1) -> None:
    """Texts settled: `model`, or the reason why the template goes."""
    _texts(outcome).inc(count)


def record_text_tokens(count: int) -> None:
    """Tokens spent, as the model's server says or as estimated."""
    _text_tokens.inc(count)


def record_leases_given(count: int) -> None:
    """Messages leased by one dispatch run."""
    _leases_given.inc(count)


def record_leases_returned(reason: str, count: int = 1) -> None:
    """Leased messages that went back: `late`, `shutdown`, `held`, `lapsed`."""
    _leases_returned(reason).inc(count)


def record_tick() -> None:
    """One tick's work is done."""
    _ticks.inc()


def record_job(job: str, seconds: float) -> None:
    """One part of a tick: `sweep`, `dispatch`, `receipts`, …"""
    _job_seconds(job).observe(seconds)


def record_dispatch(seconds: float) -> None:
    """Duration of one dispatch run."""
    _dispatch_seconds.observe(seconds)


def record_repairs(kind: str, count: int = 1) -> None:
    """What the sweep repaired: `lapsed_lease`, `lapsed_sending`, `unpublished_events`, …"""
    if count:
        _repairs(kind).inc(count)


def record_webhooks(outcome: str, count: int = 1) -> None:
    """Provider webhooks settled: `applied`, `known`, `ignored`, `unmatched`."""
    _webhooks(outcome).inc(count)


def record_receipt(status: str, seconds: float) -> None:
    """A send is `accepted`, `delivered`, `read` or `refused` by WhatsApp, so long after it left."""
    _receipt_seconds(status).observe(seconds)


def record_reply() -> None:
    """A message was answered for the first time."""
    _replies.inc()


def record_opt_out() -> None:
    """Somebody asked for no more messages."""
    _opt_outs.inc()


def record_doorbell_failure(task: str = "dispatch") -> None:
    """Redis did not take a task; the tick finds the rows."""
    _doorbells(task).inc()


def record_events_published(count: int) -> None:
    """Events given to Redis."""
    _published.inc(count)


def record_events_dropped(count: int) -> None:
    """Event batches Redis did not take; the relay sends them again."""
    _dropped.inc(count)


def record_socket_opened() -> None:
    """A WebSocket was accepted."""
    _sockets.inc()


def record_socket_closed(reason: str) -> None:
    """An accepted WebSocket ended: `client`, `slow`, `auth`, `shutdown`, `policy`, `too_big`, …"""
    _sockets.dec()
    _sockets_closed(reason).inc()


def record_socket_refused(reason: str) -> None:
    """A handshake was refused: `origin`, `full`."""
    _sockets_refused(reason).inc()


def record_frames(count: int) -> None:
    """Updates put into sockets' queues."""
    _frames.inc(count)


def record_event_gap(outcome: str) -> None:
    """The feed skipped numbers: `filled` from the database, or `lost`."""
    _gaps(outcome).inc()


def record_feed_loss() -> None:
    """The event feed lost its Redis connection."""
    _feed_losses.inc()


def record_spans(outcome: str, count: int = 1) -> None:
    """Spans that were `exported`, not taken by the collector (`failed`), or `dropped` before."""
    _spans(outcome).inc(count)


def record_pool_refusal(pool: str) -> None:
    """Somebody waited for a connection in vain."""
    _pool_refused(pool).inc()


def watch_pool(pool: "ConnectionPool[Any]") -> None:
    """Have the pool's use told at every scrape, for as long as it lives."""
    _pools.add(pool)


def look_at_pools() -> None:
    """Set the gauges of this process's pools. Where gunicorn runs several workers, the others' are
    as old as the last scrape they answered."""
    for pool in list(_pools):
        stats = pool.get_stats()
        size = stats.get("pool_size", 0)
        _pool_size.labels(pool.name).set(size)
        _pool_busy.labels(pool.name).set(size - stats.get("pool_available", 0))
        _pool_limit.labels(pool.name).set(stats.get("pool_max", 0))
        _pool_waiting.labels(pool.name).set(stats.get("requests_waiting", 0))


def version() -> str:
    """Of the installed package."""
    try:
        return metadata.version("rapidflow")
    except metadata.PackageNotFoundError:
        return "unknown"


# What can be known beforehand begins at zero, so that the first one is seen as a change.
_build.labels(version(), platform.python_version()).set(1)
for _kind in ("lapsed_lease", "lapsed_sending", "unpublished_events"):
    _repairs(_kind)
for _state in _BREAKER_STATES:
    _breaker(_state)
for _status in ("completed", "failed", "cancelled"):
    _ended(_status)
for _status in ("accepted", "delivered", "read", "refused"):
    _receipt_seconds(_status)
for _outcome in ("applied", "known", "ignored", "unmatched"):
    _webhooks(_outcome)
for _outcome in ("exported", "failed", "dropped"):
    _spans(_outcome)
_paused("many_doubts")
_call_seconds("send")
