"""Dispatch with a span, where tracing is on: a trace per run that leased something."""

import time
from collections.abc import Callable, Sequence

import psycopg
from opentelemetry.trace import Span, SpanKind

from shared.db import events
from shared.db.pool import connection
from shared.errors import TemporarilyUnavailable
from shared.observability import spans
from shared.observability.logging import get_logger
from shared.queue.names import Queue
from shared.queue.payloads import LeasedBatch
from worker.deps import Deps
from worker.dispatching import dispatch

log = get_logger(__name__)


def dispatch_traced(deps: Deps, enqueue: Callable[[Sequence[LeasedBatch]], None]) -> int:
    """As `dispatch`; each batch carries where it was leased."""
    run = _Run(deps, enqueue)
    try:
        return dispatch(deps, run.enqueue)
    finally:
        run.end()


class _Run:
    """The span of one run, made when the first batches leave; it began with the run."""

    def __init__(self, deps: Deps, enqueue: Callable[[Sequence[LeasedBatch]], None]) -> None:
        self._deps = deps
        self._enqueue = enqueue
        self._began_ns = time.time_ns()
        self._span: Span | None = None
        self._campaigns: set[tuple[int, int]] = set()
        self._batches = self._messages = 0

    def enqueue(self, batches: Sequence[LeasedBatch]) -> None:
        """Send batches on their way, told where they come from."""
        if self._span is None:
            self._span = spans.root("dispatch", kind=SpanKind.PRODUCER, began_ns=self._began_ns)
        origin = spans.traceparent(self._span)
        self._enqueue([batch.model_copy(update={"traceparent": origin}) for batch in batches])
        self._batches += len(batches)
        self._messages += sum(len(batch.messages) for batch in batches)
        self._campaigns |= {(key[0], key[1]) for batch in batches for key in batch.messages}

    def end(self) -> None:
        """Say what was leased, and whose."""
        if self._span is None:
            return
        self._span.set_attributes(
            {
                "messaging.system": "celery",
                "messaging.operation.type": "send",
                "messaging.operation.name": "dispatch",
                "messaging.destination.name": Queue.SEND.value,
                "messaging.batch.message_count": self._messages,
                "rapidflow.batches": self._batches,
                "rapidflow.campaigns": len(self._campaigns),
            }
        )
        if self._span.is_recording():
            self._link(self._span)
        self._span.end()

    def _link(self, span: Span) -> None:
        try:
            with connection(self._deps.pool) as conn:
                known = events.audiences_of(conn, self._campaigns)
        except (TemporarilyUnavailable, psycopg.Error) as exc:
            log.warning("dispatch_not_linked", error=repr(exc))
            return
        for campaign in known.values():
            if link := spans.creation_link(campaign.request_id, campaign.public_id):
                span.add_link(link.context, link.attributes)
