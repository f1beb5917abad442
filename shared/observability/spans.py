"""Spans on their way to an OpenTelemetry collector; imported only where tracing is on.

The trace of a request has an id made of the request's id, and the span that stores a campaign one
made of the campaign's. So whoever knows both, as every message does, can link to where it came from
without anything being stored.

Nothing here waits for the collector (span_queue.py). An exception leaves only its type behind: its
words may hold a person's data.
"""

import hashlib
import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from shared.observability import metrics
from shared.observability.logging import get_logger, name_traces
from shared.observability.span_queue import SpanQueue
from shared.settings import Settings

log = get_logger(__name__)

Attributes = Mapping[str, AttributeValue | None]

_STOP_SECONDS: Final = 2.0
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)

_tracer = trace.get_tracer("rapidflow")  # takes the provider once there is one
_traceparent = TraceContextTextMapPropagator()
_wanted_ids: ContextVar[tuple[int | None, int | None]] = ContextVar("ids", default=(None, None))


class _Ids(RandomIdGenerator):
    """Random, unless the span about to start shall be found again."""

    def generate_trace_id(self) -> int:
        return _wanted_ids.get()[0] or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return _wanted_ids.get()[1] or super().generate_span_id()


class _State:
    """What `start` made."""

    provider: TracerProvider | None = None
    sampler: TraceIdRatioBased = TraceIdRatioBased(1.0)


def start(settings: Settings, service: str) -> None:
    """Make this process's provider; its thread exports from now on."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # told by us, and only once
    knobs = settings.tracing
    exporter = OTLPSpanExporter(
        endpoint=f"{knobs.endpoint}/v1/traces",
        headers=settings.tracing_header_pairs,
        timeout=knobs.timeout_seconds,
        compression=Compression.Gzip,
    )
    _State.sampler = TraceIdRatioBased(knobs.ratio)
    _State.provider = TracerProvider(
        sampler=ParentBased(_State.sampler),
        resource=Resource.create(
            {
                "service.namespace": "rapidflow",
                "service.name": f"rapidflow-{service}",
                "service.version": metrics.version(),
                "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
                "deployment.environment.name": settings.environment,
            }
        ),
        id_generator=_Ids(),
        shutdown_on_exit=False,  # it would wait for the collector for half a minute
    )
    _State.provider.add_span_processor(SpanQueue(exporter))
    trace.set_tracer_provider(_State.provider)
    name_traces(_current_trace)
    log.info("tracing_started", ratio=knobs.ratio)


def stop() -> None:
    """Export what is left; a collector that does not answer is left alone after two seconds."""
    provider, _State.provider = _State.provider, None
    if provider is not None:
        ending = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        ending.start()
        ending.join(_STOP_SECONDS)


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[Link] = (),
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """The block is a span below the current one."""
    made = _tracer.start_span(name, kind=kind, links=links, attributes=known(attributes))
    with _within(made):
        yield made


@contextmanager
def trace_of_its_own(
    name: str, *, kind: SpanKind, links: Sequence[Link] = (), attributes: Attributes | None = None
) -> Iterator[Span]:
    """The block is the first span of a trace."""
    made = root(name, kind=kind, links=links, attributes=attributes)
    with _within(made):
        yield made


@contextmanager
def _within(made: Span) -> Iterator[None]:
    token = context.attach(trace.set_span_in_context(made))
    try:
        yield
    except BaseException as exc:
        failed(made, type(exc).__qualname__)
        raise
    finally:
        context.detach(token)
        made.end()


@contextmanager
def below(of: SpanContext) -> Iterator[None]:
    """What the block starts and logs belongs to the trace of a span that another thread has."""
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(of)))
    try:
        yield
    finally:
        context.detach(token)


def past(name: str, of: SpanContext, began_ns: int, *, ok: bool) -> None:
    """A span that ends now, below one that may have ended before."""
    parent = trace.set_span_in_context(trace.NonRecordingSpan(of), Context())
    made = _tracer.start_span(name, parent, kind=SpanKind.PRODUCER, start_time=began_ns)
    if not ok:
        failed(made, "not_published")
    made.end()


def failed(made: Span, error: str) -> None:
    """What the span is about did not succeed; `error` is a word of ours or an exception's type."""
    made.set_attribute("error.type", error)
    made.set_status(Status(StatusCode.ERROR))


def root(
    name: str,
    *,
    kind: SpanKind,
    links: Sequence[Link] = (),
    attributes: Attributes | None = None,
    began_ns: int | None = None,
) -> Span:
    """The first span of a trace of its own; the caller ends it. `began_ns`: since the epoch."""
    return _tracer.start_span(
        name,
        Context(),
        kind=kind,
        links=links,
        attributes=known(attributes),
        start_time=began_ns,
    )


def request(
    name: str, request_id: str, *, links: Sequence[Link], attributes: Attributes
) -> tuple[Span, Token[Context]]:
    """The first span of a request's trace, current until `left` gets it back with the token."""
    with _with_ids(_trace_of(request_id), None):
        made = root(name, kind=SpanKind.SERVER, links=links, attributes=attributes)
    return made, context.attach(trace.set_span_in_context(made))


def left(made: Span, token: Token[Context]) -> None:
    """The request is answered."""
    context.detach(token)
    made.end()


@contextmanager
def creation(campaign_id: str) -> Iterator[None]:
    """The block stores this campaign: the span that `creation_link` finds."""
    with _with_ids(None, _span_of(campaign_id)):
        made = _tracer.start_span(
            "create campaign", attributes={"rapidflow.campaign.id": campaign_id}
        )
    with _within(made):
        yield


@contextmanager
def _with_ids(trace_id: int | None, span_id: int | None) -> Iterator[None]:
    token = _wanted_ids.set((trace_id, span_id))
    try:
        yield
    finally:
        _wanted_ids.reset(token)


def creation_link(request_id: str | None, campaign_id: str) -> Link | None:
    """To the span that stored a campaign; None where its trace was not kept."""
    if not request_id:
        return None
    trace_id = _trace_of(request_id)
    decision = _State.sampler.should_sample(None, trace_id, "").decision
    if decision is not Decision.RECORD_AND_SAMPLE:
        return None
    found = SpanContext(trace_id, _span_of(campaign_id), is_remote=True, trace_flags=_SAMPLED)
    return Link(found, {"rapidflow.campaign.id": campaign_id})


def traceparent(of: Span) -> str:
    """The W3C header that `link` reads."""
    carrier: dict[str, str] = {}
    _traceparent.inject(carrier, trace.set_span_in_context(of))
    return carrier.get("traceparent", "")


def link(given: str | None) -> list[Link]:
    """To the span a W3C `traceparent` names, if it names one that was kept."""
    if not given:
        return []
    found = trace.get_current_span(
        _traceparent.extract({"traceparent": given}, Context())
    ).get_span_context()
    return [Link(found)] if found.is_valid and found.trace_flags.sampled else []


def known(attributes: Attributes | None) -> dict[str, AttributeValue]:
    """Without those that are None."""
    return {key: value for key, value in (attributes or {}).items() if value is not None}


def _current_trace() -> str | None:
    current = trace.get_current_span().get_span_context()
    return f"{current.trace_id:032x}" if current.is_valid and current.trace_flags.sampled else None


def _trace_of(request_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"request:{request_id}".encode()).digest()[:16])


def _span_of(campaign_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"campaign:{campaign_id}".encode()).digest()[:8])
