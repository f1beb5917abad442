"""Spans between the code that ends them and the thread that exports them: a bounded queue. A
collector that is slow or away costs spans, which are counted, and never a wait."""

import threading
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)

QUEUE_SPANS: Final = 8192  # about two kilobytes each
_EXPORT_SPANS: Final = 512
_GATHER_MILLISECONDS: Final = 2000


class SpanQueue(BatchSpanProcessor):
    """The field's own queue, with its losses counted: full, it gives up the oldest span."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._counted = _Counted(exporter)
        super().__init__(
            self._counted,
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=_GATHER_MILLISECONDS,
            max_export_batch_size=_EXPORT_SPANS,
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that ended; from any thread."""
        if span.context and span.context.trace_flags.sampled and not self._counted.take_place():
            metrics.record_spans("dropped")
        super().on_end(span)


class _Counted(SpanExporter):
    """Counts what leaves and what does not, and tells once when the collector goes and comes."""

    def __init__(self, behind: SpanExporter) -> None:
        self._behind = behind
        self._lock = threading.Lock()
        self._waiting = 0
        self._failing = False

    def take_place(self) -> bool:
        """One more waits; False where none is free."""
        with self._lock:
            if self._waiting >= QUEUE_SPANS:
                return False
            self._waiting += 1
            return True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand spans on; from the queue's thread only."""
        with self._lock:
            self._waiting = max(self._waiting - len(spans), 0)
        result = self._behind.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        metrics.record_spans("failed" if failed else "exported", len(spans))
        if failed != self._failing:
            self._failing = failed
            if failed:
                log.warning("spans_not_exported", spans=len(spans))
            else:
                log.info("spans_exported_again")
        return result

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._behind.shutdown()
