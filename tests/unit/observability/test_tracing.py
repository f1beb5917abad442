"""Tracing without a collector: settings, what a batch carries, the queue of spans."""

import base64
import sys
import threading
from collections.abc import Sequence
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import REGISTRY

from shared.errors import SettingsError
from shared.observability import spans
from shared.observability.span_queue import QUEUE_SPANS, SpanQueue
from shared.queue.payloads import LeasedBatch
from shared.settings import Settings, load_settings


def settings(**overrides: object) -> Settings:
    values: dict[str, object] = {
        "database_url": "postgresql://a:b@127.0.0.1:1/c",
        "redis_url": "redis://127.0.0.1:1/0",
        "evolution_api_url": "http://127.0.0.1:1",
        "evolution_api_key": "k",
        "jwt_secret": "j" * 40,
        "encryption_key": base64.b64encode(b"k" * 32).decode(),
        "_env_file": None,
    }
    return load_settings(**{**values, **overrides})


def test_an_endpoint_without_the_extra_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    assert settings().tracing.endpoint == ""
    with pytest.raises(SettingsError, match=r"tracing\.endpoint: .*rapidflow\[tracing\]"):
        settings(tracing={"endpoint": "http://collector:4318"})


def test_headers_are_pairs_and_stay_secret() -> None:
    given = settings(tracing_headers="Authorization=Basic Zm9v==, x-team=sending")
    assert given.tracing_header_pairs == {"Authorization": "Basic Zm9v==", "x-team": "sending"}
    assert "Zm9v" not in repr(given)
    assert settings(tracing_headers="").tracing_header_pairs == {}
    with pytest.raises(SettingsError, match="name=value") as refused:
        settings(tracing_headers="Zm9v")
    assert "Zm9v" not in str(refused.value)


def test_versions_side_by_side_understand_each_others_batches() -> None:
    before = {"v": 1, "lease_id": str(uuid4()), "lanes": [1], "messages": [[1, 2, 3]]}
    batch = LeasedBatch.model_validate(before)
    assert batch.model_dump(mode="json", exclude_none=True) == before
    traced = {**before, "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    assert LeasedBatch.model_validate({**traced, "later": 1}).traceparent == traced["traceparent"]


@pytest.mark.parametrize("given", [None, "", "x", "00-0-0-01", f"00-{'a' * 32}-{'b' * 16}-00"])
def test_what_names_no_kept_span_is_not_linked(given: str | None) -> None:
    assert spans.link(given) == []


class Stuck(SpanExporter):
    """A collector that keeps its first export waiting."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def export(self, _: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go_on.wait(60)
        return SpanExportResult.FAILURE


def test_a_full_queue_drops_and_counts_and_waits_for_nobody() -> None:
    def outcomes() -> dict[str, float]:
        name = "rapidflow_trace_spans_total"
        kinds = ("exported", "failed", "dropped")
        return {one: REGISTRY.get_sample_value(name, {"outcome": one}) or 0.0 for one in kinds}

    before, collector, provider = outcomes(), Stuck(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(collector))
    tracer = provider.get_tracer("test")
    made = QUEUE_SPANS + 1000
    for _ in range(made):
        tracer.start_span("one").end()
    lost = outcomes()["dropped"] - before["dropped"]
    assert 0 < lost <= 1000
    collector.go_on.set()
    provider.shutdown()
    after = outcomes()
    assert after["failed"] - before["failed"] == made - lost
    assert after["exported"] == before["exported"]
