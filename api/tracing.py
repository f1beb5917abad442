"""A span per request of the API, where tracing is on; registered only then."""

from flask import Flask, Response, g, request
from opentelemetry.trace import Span

from shared.observability import spans, tracing
from shared.observability.redaction import scrub
from shared.settings import Settings

_TRACED = ("/api/", "/webhook")  # not files, health or sockets


def trace_requests(app: Flask, settings: Settings) -> None:
    """Register after the hooks that give a request its id."""

    def begin() -> None:
        rule = request.url_rule.rule if request.url_rule else ""
        if not rule.startswith(_TRACED):
            return
        tracing.start_tracing(settings, "api")  # in the process that serves, so after the fork
        g.span, g.span_token = spans.request(
            f"{request.method} {rule}",
            g.request_id,
            links=spans.link(request.headers.get("traceparent")),
            attributes={
                "http.request.method": request.method,
                "http.route": rule,
                "rapidflow.request_id": scrub(g.request_id),  # the caller's own words
            },
        )

    app.before_request(begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _answered(response: Response) -> Response:
    span: Span | None = g.get("span")
    if span is not None:
        principal = g.get("principal")
        span.set_attribute("http.response.status_code", response.status_code)
        if principal is not None:
            span.set_attribute("rapidflow.tenant.id", principal.user.tenant_id)
        if response.status_code >= 500:
            spans.failed(span, str(response.status_code))
    return response


def _end(_error: BaseException | None) -> None:
    span: Span | None = g.pop("span", None)
    if span is not None:
        spans.left(span, g.pop("span_token"))
