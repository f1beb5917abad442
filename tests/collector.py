"""An OpenTelemetry collector on loopback: takes OTLP over HTTP and keeps what it was sent."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Told:
    """One span as it arrived; links are (trace id, span id)."""

    service: str
    name: str
    trace: bytes
    span: bytes
    parent: bytes
    links: set[tuple[bytes, bytes]]
    attributes: dict[str, Any]
    seconds: float


@dataclass
class Collector:
    """Requests so far: what was sent, byte for byte, and its spans."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def spans(self) -> list[Told]:
        """All spans, in the order they ended."""
        return [
            _told(service, span)
            for body in list(self.bodies)
            for group in ExportTraceServiceRequest.FromString(body).resource_spans
            for service in [_values(group.resource.attributes)["service.name"]]
            for scope in group.scope_spans
            for span in scope.spans
        ]


def _told(service: str, span: Any) -> Told:
    return Told(
        service,
        span.name,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        {(link.trace_id, link.span_id) for link in span.links},
        _values(span.attributes),
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that takes whatever comes to the right path, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/traces":
                self.send_error(404)
                return
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            zipped = self.headers["Content-Encoding"] == "gzip"
            collector.bodies.append(gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
