"""Everything we count, declared in one place behind `record_…` helpers.

Labels are few and bounded: no campaign, recipient, tenant or user. A process has one registry of
its own; only gunicorn with `RAPIDFLOW_HTTP__WORKERS` > 1 shares files (PROMETHEUS_MULTIPROC_DIR,
set by deploy.gunicorn before the first import of this module). Queue depth and the like are not
counted here: they are read from PostgreSQL at scrape time.
"""

import contextlib
import os
import platform
import threading
from importlib import metadata
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector

from shared.observability.logging import get_logger
from shared.settings import Settings

log = get_logger(__name__)

OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_FAST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BREAKER_LEVELS: Final = {"closed": 0, "half-open": 1, "open": 2}
_LAG: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600, 3600)
_CALL: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 40, 75)


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


_routes = _Bounded(200)
_instances = _Bounded(500)
_codes = _Bounded(100)

_build = Gauge("rapidflow_build_info", "Always 1.", ["version", "python"], multiprocess_mode="max")
_requests = Counter(
    "rapidflow_http_requests_total", "Answered requests.", ["route", "method", "status"]
)
_request_seconds = Histogram(
    "rapidflow_http_request_seconds", "Time to answer.", ["route", "method"], buckets=_FAST
)
_refusals = Counter("rapidflow_rate_limited_total", "Requests refused by a limit.", ["limit"])

_verdicts = Counter(
    "rapidflow_attempts_total", "Calls to the provider by verdict.", ["instance", "verdict"]
)
_call_seconds = Histogram(
    "rapidflow_provider_call_seconds", "Duration of a provider call.", ["operation"], buckets=_CALL
)
_retries = Counter("rapidflow_retries_total", "Messages put back for another attempt.", ["code"])
_shed = Counter("rapidflow_requests_shed_total", "Requests refused under load.", ["kind"])
_watchdog = Counter("rapidflow_watchdog_ends_total", "Processes ended because they were deaf.")
_breaker = Counter("rapidflow_breaker_changes_total", "Breaker state changes.", ["state"])
_breaker_state = Gauge(
    "rapidflow_breaker_state",
    "Breaker of an instance: 0 closed, 1 half-open, 2 open.",
    ["instance"],
    multiprocess_mode="mostrecent",
)
_unconfirmed = Gauge(
    "rapidflow_unconfirmed_sends",
    "Sends of the last day without any receipt for ten minutes; 1000 means at least so many.",
    ["instance"],
    multiprocess_mode="mostrecent",
)
_doubts_opened = Counter("rapidflow_doubts_opened_total", "Messages that may have been sent.")
_doubts_settled = Counter(
    "rapidflow_doubts_settled_total", "Doubts settled, by outcome.", ["outcome"]
)
_duplicates = Counter(
    "rapidflow_duplicates_suspected_total", "Messages that WhatsApp has more than once."
)
_paused = Counter("rapidflow_campaigns_paused_total", "Campaigns the engine paused.", ["reason"])
_leases_given = Counter("rapidflow_leases_given_total", "Messages leased by dispatch.")
_leases_returned = Counter(
    "rapidflow_leases_returned_total", "Leased messages handed back unsent.", ["reason"]
)
_dispatch_seconds = Histogram("rapidflow_dispatch_seconds", "One dispatch run.", buckets=_FAST)
_repairs = Counter("rapidflow_sweep_repairs_total", "What dead processes left behind.", ["kind"])
_receipts = Counter("rapidflow_receipts_total", "Provider reports applied.", ["status"])
_texts = Counter(
    "rapidflow_model_texts_total", "Texts asked of the language model, by outcome.", ["outcome"]
)
_text_tokens = Counter("rapidflow_model_tokens_total", "Tokens the language model was paid for.")
_doorbells = Counter("rapidflow_doorbell_failures_total", "Tasks Redis did not take.", ["task"])

_published = Counter("rapidflow_events_published_total", "Events given to Redis.")
_dropped = Counter("rapidflow_event_batches_dropped_total", "Event batches Redis did not take.")
_sockets = Gauge("rapidflow_sockets_open", "WebSockets open now.", multiprocess_mode="livesum")
_sockets_closed = Counter("rapidflow_sockets_closed_total", "WebSockets closed.", ["reason"])
_sockets_refused = Counter("rapidflow_sockets_refused_total", "Handshakes refused.", ["reason"])
_frames = Counter("rapidflow_socket_frames_total", "Updates handed to sockets.")
_gaps = Counter("rapidflow_event_gaps_total", "Gaps in the feed, by how they ended.", ["outcome"])
_feed_losses = Counter("rapidflow_feed_losses_total", "Times the event feed lost Redis.")


def record_request(route: str, method: str, status: int, seconds: float) -> None:
    """One answered HTTP request; `route` is the template (`/api/campaigns/<id>`)."""
    route = _routes(route)
    method = method if method in _METHODS else OTHER
    _requests.labels(route, method, str(status)).inc()
    _request_seconds.labels(route, method).observe(seconds)


def record_rate_limited(limit: str) -> None:
    """A request refused by a limit: `requests`, `login_account`, `login_address`, `exports`."""
    _refusals.labels(_codes(limit)).inc()


def record_verdict(instance: str, verdict: str, count: int = 1) -> None:
    """Calls to the provider that ended: sent, retry, rest, rejected, unknown."""
    _verdicts.labels(_instances(instance), _codes(verdict)).inc(count)


def record_provider_call(operation: str, seconds: float) -> None:
    """One call's duration; `operation` is `send_text`, `send_media`, `find_messages`, …"""
    _call_seconds.labels(_codes(operation)).observe(seconds)


def record_retries(code: str, count: int = 1) -> None:
    """Messages that wait for another attempt, by error code."""
    _retries.labels(_codes(code)).inc(count)


def record_shed(kind: str) -> None:
    """A request was refused under load: analytics, export, create or read."""
    _shed.labels(kind).inc()


def record_watchdog() -> None:
    """This process ends itself: its queue had work and it began none."""
    _watchdog.inc()


def record_breaker(state: str) -> None:
    """A breaker changed to `open`, `half-open` or `closed`."""
    _breaker.labels(_codes(state)).inc()


def record_lane(instance: str, state: str, unconfirmed: int) -> None:
    """How an instance stands, as PostgreSQL tells it: control processes say it again and again."""
    label = _instances(instance)
    if label != OTHER:
        _breaker_state.labels(label).set(_BREAKER_LEVELS[state])
        _unconfirmed.labels(label).set(unconfirmed)


def forget_lane(instance: str) -> None:
    """The instance is gone: what it was last like must not be told for ever."""
    for gauge in (_breaker_state, _unconfirmed):
        with contextlib.suppress(KeyError):
            gauge.remove(instance)


def record_doubts_opened(count: int = 1) -> None:
    """Messages whose outcome is unknown."""
    _doubts_opened.inc(count)


def record_doubts_settled(outcome: str, count: int = 1) -> None:
    """Doubts that ended: `sent`, `given_up`, `resent`, `operator_sent`, …"""
    _doubts_settled.labels(_codes(outcome)).inc(count)


def record_duplicate_suspected() -> None:
    """The evidence for one message was two messages."""
    _duplicates.inc()


def record_campaign_paused(reason: str) -> None:
    """A campaign that nobody but the engine paused: `many_doubts`."""
    _paused.labels(_codes(reason)).inc()


def record_texts(outcome: str, count: int = 1) -> None:
    """Texts settled: `model`, or the reason why the template goes."""
    _texts.labels(_codes(outcome)).inc(count)


def record_text_tokens(count: int) -> None:
    """Tokens spent, as the model's server says or as estimated."""
    _text_tokens.inc(count)


def record_leases_given(count: int) -> None:
    """Messages leased by one dispatch run."""
    _leases_given.inc(count)


def record_leases_returned(reason: str, count: int = 1) -> None:
    """Leased messages that went back: `late`, `shutdown`, `held`, `lapsed`."""
    _leases_returned.labels(_codes(reason)).inc(count)


def record_dispatch(seconds: float) -> None:
    """Duration of one dispatch run."""
    _dispatch_seconds.observe(seconds)


def record_repairs(kind: str, count: int = 1) -> None:
    """What the sweep repaired: `lapsed_lease`, `lapsed_sending`, `unpublished_events`, …"""
    if count:
        _repairs.labels(_codes(kind)).inc(count)


def record_receipts(status: str, count: int = 1) -> None:
    """Provider reports applied: `delivered`, `read`, `reply`, `opt_out`, …"""
    _receipts.labels(_codes(status)).inc(count)


def record_doorbell_failure(task: str = "dispatch") -> None:
    """Redis did not take a task; the tick finds the rows."""
    _doorbells.labels(_codes(task)).inc()


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
    _sockets_closed.labels(_codes(reason)).inc()


def record_socket_refused(reason: str) -> None:
    """A handshake was refused: `origin`, `full`."""
    _sockets_refused.labels(_codes(reason)).inc()


def record_frames(count: int) -> None:
    """Updates put into sockets' queues."""
    _frames.inc(count)


def record_event_gap(outcome: str) -> None:
    """The feed skipped numbers: `filled` from the database, or `lost`."""
    _gaps.labels(_codes(outcome)).inc()


def record_feed_loss() -> None:
    """The event feed lost its Redis connection."""
    _feed_losses.inc()


def render_metrics() -> tuple[bytes, str]:
    """The exposition text and its content type; of all workers where gunicorn runs several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def start_metrics_listener(settings: Settings) -> None:
    """Serve `/metrics` of this process if RAPIDFLOW_METRICS_PORT is set (worker, control).

    A taken port is logged and forgotten: sending goes on without a listener.
    """
    if settings.metrics_port == 0:
        return
    try:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    except OSError as exc:
        log.warning("metrics_listener_failed", port=settings.metrics_port, error=str(exc))
        return
    log.info("metrics_listener_started", address=settings.metrics_host, port=settings.metrics_port)


def _version() -> str:
    try:
        return metadata.version("rapidflow")
    except metadata.PackageNotFoundError:
        return "unknown"


_build.labels(_version(), platform.python_version()).set(1)
