"""Counters with bounded labels."""

from prometheus_client import REGISTRY, Counter, generate_latest

from shared.observability import metrics


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


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


def test_a_known_label_costs_a_lookup_and_later_ones_share_one_child() -> None:
    counter = Counter("lookups_total", "Only here.", ["name"], registry=None)
    child = metrics._Children(counter, metrics._Bounded(2))
    assert child("a") is child("a")
    child("b")
    assert child("c") is child("d")
    assert len(child._known) == 2


def test_what_can_be_known_beforehand_begins_at_zero() -> None:
    text = generate_latest(REGISTRY).decode()
    for expected in (
        'rapidflow_sweep_repairs_total{kind="lapsed_sending"}',
        'rapidflow_webhooks_total{outcome="unmatched"}',
        'rapidflow_receipt_delay_seconds_count{status="delivered"}',
        "rapidflow_build_info{",
    ):
        assert expected in text
    assert "_created" not in text


def test_a_process_knows_what_it_sent_whatever_number_it_went_from() -> None:
    before = metrics.attempts_by_verdict().get("sent", 0)
    metrics.record_verdict("loja-a", "sent")
    metrics.record_verdict("loja-b", "sent", 2)
    metrics.record_verdict("loja-b", "retry")
    assert metrics.attempts_by_verdict()["sent"] == before + 3
