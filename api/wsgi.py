"""What gunicorn serves: `rest()`, `sockets()`, `both()`; called once per worker, after the fork.

Each imports what it serves: REST is 30 MiB that a gateway has no use for.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Flask

from api.runtime import runtime
from api.sockets.lifecycle import SOCKETS_BESIDE_REST
from shared.errors import TemporarilyUnavailable
from shared.failpoints import arm
from shared.settings import settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Environ = dict[str, Any]

_HEADER_BYTES: Final = 16 * 1024
_GATEWAY_PATHS: Final = ("/ws", "/health", "/metrics")


def rest() -> "WSGIApplication":
    """REST, OpenAPI and console files."""
    from api.app import create_app

    return _bounded(_checked(create_app(settings())))


def sockets() -> "WSGIApplication":
    """`/ws`, health and metrics; everything else is the API's."""
    from api.assembly import assemble
    from api.gateway import register_gateway
    from api.routes import health

    app = assemble(settings(), [health])
    register_gateway(app)
    return _only(_GATEWAY_PATHS, _bounded(_checked(app)))


def both() -> "WSGIApplication":
    """REST and `/ws` in one process; sockets never take the threads REST needs."""
    from api.app import create_app

    given = settings()
    most = min(given.gateway.sockets_per_process, SOCKETS_BESIDE_REST)
    gateway = given.gateway.model_copy(update={"sockets_per_process": most})
    whole = given.model_copy(update={"gateway": gateway})
    return _bounded(_checked(create_app(whole, sockets=True)))


def _checked(app: Flask) -> Flask:
    """Refuse to start as a database role that row-level security does not bind.

    A database that is away is no reason not to start: requests answer 503 until it is back.
    """
    arm(runtime(app).settings.failpoint)
    with contextlib.suppress(TemporarilyUnavailable):
        runtime(app).check()
    return app


def _bounded(app: "WSGIApplication") -> "WSGIApplication":
    """Refuse headers of more than 16 KiB in all; gunicorn only bounds each."""

    def serve(environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        size = sum(
            len(key) + len(value) for key, value in environ.items() if key.startswith("HTTP_")
        )
        if size > _HEADER_BYTES:
            return _refuse(
                start_response, "431 Request Header Fields Too Large", "headers_too_large"
            )
        return app(environ, start_response)

    return serve


def _only(paths: tuple[str, ...], app: "WSGIApplication") -> "WSGIApplication":
    def serve(environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if any(path == known or path.startswith(known + "/") for known in paths):
            return app(environ, start_response)
        return _refuse(start_response, "404 Not Found", "not_found")

    return serve


def _refuse(start_response: Callable[..., Any], status: str, code: str) -> Iterable[bytes]:
    message = status.partition(" ")[2]
    body = orjson.dumps({"success": False, "error": {"code": code, "message": message}})
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
