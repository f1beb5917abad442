"""The API described: `/openapi.json` for programs, `/docs` for people."""

import threading
from functools import cached_property
from typing import Final

from flask import Blueprint, Flask, Response, current_app
from flask.typing import ResponseReturnValue

from api.auth import public
from api.json import dump
from api.openapi.document import Document, build_document
from api.openapi.page import render_page, stylesheet
from api.runtime import VERSION, runtime

bp = Blueprint("openapi", __name__)

_CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_EXTENSION: Final = "rapidflow-openapi"
_lock = threading.Lock()


class Described:
    """The document of one app and the page made from it, each built when first asked for."""

    def __init__(self, app: Flask) -> None:
        base_url = runtime(app).settings.base_url
        self.document: Document = build_document(app, base_url=base_url, version=VERSION)

    @cached_property
    def json(self) -> bytes:
        """`/openapi.json`."""
        return dump(self.document)

    @cached_property
    def page(self) -> str:
        """`/docs`."""
        return render_page(self.document)


@bp.get("/openapi.json")
@public
def document() -> ResponseReturnValue:
    """OpenAPI 3.1."""
    return Response(described().json, content_type="application/json")


@bp.get("/docs")
@public
def page() -> ResponseReturnValue:
    """The same document, readable; no script."""
    response = Response(described().page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _CSP
    return response


@bp.get("/docs/style.css")
@public
def style() -> ResponseReturnValue:
    """The page's stylesheet."""
    response = Response(stylesheet(), content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def described() -> Described:
    """Of the app that handles this request."""
    with _lock:
        made: Described | None = current_app.extensions.get(_EXTENSION)
        if made is None:
            made = Described(current_app)
            current_app.extensions[_EXTENSION] = made
    return made
