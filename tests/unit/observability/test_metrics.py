"""Counters with bounded labels."""

import urllib.request
from types import SimpleNamespace
from typing import cast

import pytest

from deploy.local.ports import free_port
from shared.observability import metrics
from shared.settings import Settings


def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_are_counted_by_template_method_and_status() -> None:
    labels = {"route": "/api/campaigns/<id>", "method": "GET", "status": "200"}
    before = sample("rapidflow_http_requests_total", **labels)
    metrics.record_request("/api/campaigns/<id>", "GET", 200, 0.01)
    assert sample("rapidflow_http_requests_total", **labels) == before + 1


def test_labels_from_outside_cannot_grow_without_bound() -> None:
    bounded = metrics._Bounded(3)
    seen = {bounded(f"value-{n}") for n in range(1000)}
    assert seen == {"value-0", "value-1", "value-2", metrics.OTHER}
    metrics.record_request("/x", "BREW", 200, 0.01)
    assert sample("rapidflow_http_requests_total", route="/x", method="other", status="200") >= 1


def test_sockets_open_and_close() -> None:
    before = sample("rapidflow_sockets_open")
    metrics.record_socket_opened()
    assert sample("rapidflow_sockets_open") == before + 1
    metrics.record_socket_closed("client")
    assert sample("rapidflow_sockets_open") == before


def test_the_text_names_the_build() -> None:
    body, content_type = metrics.render_metrics()
    assert b"rapidflow_build_info{" in body
    assert content_type.startswith("text/plain")


def test_a_listener_serves_the_text_only_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    off = SimpleNamespace(metrics_port=0, metrics_host="127.0.0.1")
    metrics.start_metrics_listener(cast("Settings", off))
    started = []
    real = metrics.start_http_server
    monkeypatch.setattr(
        metrics, "start_http_server", lambda *args, **kwargs: started.append(real(*args, **kwargs))
    )
    on = SimpleNamespace(metrics_port=port, metrics_host="127.0.0.1")
    metrics.start_metrics_listener(cast("Settings", on))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"rapidflow_build_info" in answer.read()
    metrics.start_metrics_listener(cast("Settings", on))  # taken: said in the log, nothing more
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join()
