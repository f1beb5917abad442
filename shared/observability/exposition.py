"""`/metrics` as text, and the internal listener of processes that serve nothing else.

A listener binds to RAPIDFLOW_METRICS_HOST and RAPIDFLOW_METRICS_PORT. With RAPIDFLOW_METRICS_TOKEN
it asks for that token, as the API does; without one it tells whoever can reach it, so it binds to
loopback unless asked otherwise. Where RAPIDFLOW_METRICS_TARGETS names a folder, any free port will
do: the process says there where it listens (shared/observability/targets.py).
"""

import hmac
import os
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from shared.observability.logging import get_logger
from shared.observability.metrics import look_at_pools
from shared.observability.targets import announce
from shared.settings import Settings

log = get_logger(__name__)

_CLIENT_SECONDS: Final = 10.0


def render_metrics() -> tuple[bytes, str]:
    """The exposition text and its content type; of all workers where gunicorn runs several."""
    look_at_pools()
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def may_scrape(settings: Settings, authorization: str) -> bool:
    """Whether an `Authorization` header carries the metrics token; True where none is set."""
    token = settings.metrics_token
    if token is None:
        return True
    given = authorization.removeprefix("Bearer ").encode()
    return hmac.compare_digest(given, token.get_secret_value().encode())


class MetricsListener:
    """One thread that answers `GET /metrics`; it ends with the process, or with `close`."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._server = _Server(settings, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start_metrics_listener(settings: Settings, service: str) -> MetricsListener | None:
    """Serve `/metrics` of this process if a port or a targets folder is set.

    A taken port is logged and forgotten, or exchanged for a free one where the folder tells it:
    sending goes on without a listener.
    """
    targets = settings.metrics_targets
    if settings.metrics_port == 0 and targets is None:
        return None
    ports = [settings.metrics_port, *([0] if targets and settings.metrics_port else [])]
    for port in ports:
        try:
            listener = MetricsListener(settings, port)
        except OSError as exc:
            log.warning("metrics_listener_failed", port=port, error=str(exc))
            continue
        log.info("metrics_listener_started", address=settings.metrics_host, port=listener.port)
        if targets is not None:
            announce(targets, service, settings.metrics_host, listener.port)
        return listener
    return None


class _Server(ThreadingHTTPServer):
    """Threads that are not waited for."""

    daemon_threads = True

    def __init__(self, settings: Settings, port: int) -> None:
        self.settings = settings
        host = settings.metrics_host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, *_: Any) -> None:
        """A scraper that hung up."""
        log.debug("metrics_request_failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """`/metrics`, and nothing else."""

    server: _Server
    timeout = _CLIENT_SECONDS
    server_version = "RapidFlow"
    sys_version = ""

    def do_GET(self) -> None:
        """The text, or 404 as the API answers strangers."""
        known = self.path.partition("?")[0] == "/metrics"
        if not known or not may_scrape(
            self.server.settings, self.headers.get("Authorization") or ""
        ):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body, content_type = render_metrics()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the library
        """Scrapes are not logged."""
