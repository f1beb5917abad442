"""A Flask app around some of our routes: request ids, headers, errors. It opens nothing until it is
used, and imports no route: the gateway has none but health and metrics."""

import re
import secrets
import time
from collections.abc import Iterable
from typing import Final, Protocol

from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import NotFound, RequestURITooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from api.auth import check_every_route_is_guarded
from api.errors import register_errors
from api.json import use_orjson
from api.openapi.describe import check_every_route_is_described
from api.origins import is_allowed
from api.runtime import EXTENSION, Runtime, runtime
from api.shedding import shed
from shared.observability import metrics
from shared.observability.logging import bind_log_context, clear_log_context, get_logger
from shared.observability.slow import note_duration
from shared.settings import Settings

log = get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST_URL: Final = 4096
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
}


class Routes(Protocol):
    """A module of `api.routes`."""

    @property
    def bp(self) -> Blueprint: ...


def assemble(settings: Settings, modules: Iterable[Routes]) -> Flask:
    """An app of these routes.

    `app.extensions["rapidflow"]` is the `Runtime`: connections open on first use in each process,
    `open()` and `close()` do it by hand.
    """
    app = Flask("rapidflow", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.http.body_bytes
    app.url_map.strict_slashes = False
    app.extensions[EXTENSION] = Runtime(settings)
    use_orjson(app)
    for module in modules:
        app.register_blueprint(module.bp)
    check_every_route_is_guarded(app)
    check_every_route_is_described(app)
    register_errors(app)
    app.before_request(_begin)
    app.after_request(_finish)
    if settings.http.trusted_proxies:
        hops = settings.http.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)
    g.began_at = time.monotonic()
    clear_log_context()
    bind_log_context(request_id=g.request_id)
    if len(request.full_path) > _LONGEST_URL:
        raise RequestURITooLarge
    if "\0" in request.path:
        raise NotFound
    shed(runtime())


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = str(g.get("request_id", ""))
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    _add_limits(response)
    _add_cors(response)
    route = request.url_rule.rule if request.url_rule else "unknown"
    if route == "/ws":
        return response  # lives as long as its socket: counted by the gateway
    seconds = time.monotonic() - g.get("began_at", time.monotonic())
    note_duration("request", f"{request.method} {route}", seconds, status=response.status_code)
    log.debug(
        "request_answered",
        route=route,
        method=request.method,
        status=response.status_code,
        seconds=round(seconds, 4),
    )
    metrics.record_request(route, request.method, response.status_code, seconds)
    return response


def _add_limits(response: Response) -> None:
    allowance = g.get("allowance")
    if allowance is not None:
        response.headers["RateLimit-Limit"] = str(allowance.limit)
        response.headers["RateLimit-Remaining"] = str(allowance.remaining)
        response.headers["RateLimit-Reset"] = str(allowance.reset_seconds)


def _add_cors(response: Response) -> None:
    origin = request.headers.get("Origin")
    if not origin or not is_allowed(runtime().settings, origin):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers.add("Vary", "Origin")
    response.headers["Access-Control-Expose-Headers"] = (
        "X-Request-Id, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
    )
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
        response.headers["Access-Control-Allow-Headers"] = (
            "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id"
        )
        response.headers["Access-Control-Max-Age"] = "600"
