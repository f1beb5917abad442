"""The console: what Vite built into `api/console/`, served at `/`."""

import re
import secrets
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from api.auth import public
from api.errors import answer_http_error, answer_request_error
from shared.errors import NotFound

bp = Blueprint("console", __name__)

FOLDER: Final = Path(__file__).parents[1] / "console"
_MISSING: Final = (
    "O console não foi construído neste servidor (make setup). A API está descrita em /docs."
)
_NONCE: Final = "__CSP_NONCE__"
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
}
#: Best first; made beside each file when the console is built.
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_IMMUTABLE: Final = "public, max-age=31536000, immutable"


@bp.get("/assets/<name>")
@public
def asset(name: str) -> ResponseReturnValue:
    """A file whose name holds the hash of its content, compressed already."""
    file = FOLDER / "assets" / name
    content_type = _TYPES.get(file.suffix)
    if content_type is None or not _NAME.fullmatch(name) or not file.is_file():
        raise NotFound("Este arquivo não existe nesta versão; recarregue a página.")
    response = Response(content_type=content_type)
    for encoding, suffix in _ENCODINGS:
        smaller = file.with_name(name + suffix)
        if request.accept_encodings[encoding] > 0 and smaller.is_file():
            file = smaller
            response.headers["Content-Encoding"] = encoding
            break
    response.set_data(file.read_bytes())
    response.headers["Cache-Control"] = _IMMUTABLE
    response.headers.add("Vary", "Accept-Encoding")
    return response


@bp.get("/favicon.svg")
@public
def icon() -> ResponseReturnValue:
    """The icon of the tab."""
    file = FOLDER / "favicon.svg"
    if not file.is_file():
        raise NotFound(_MISSING, code="console_missing")
    response = Response(file.read_bytes(), content_type=_TYPES[".svg"])
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@bp.app_errorhandler(404)
def fallback(error: HTTPException) -> Response:
    """Addresses the console's own router shows begin with its page; all others stay JSON."""
    if not _is_console_address():
        return answer_http_error(error)
    if not is_built():
        return answer_request_error(NotFound(_MISSING, code="console_missing"))
    return console_page()


def console_page() -> Response:
    """`index.html` with a nonce of its own; only where `is_built`."""
    nonce = secrets.token_urlsafe(16)
    html = (FOLDER / "index.html").read_text("utf-8").replace(_NONCE, nonce)
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.headers.add("Vary", "Accept")
    response.headers["Content-Security-Policy"] = _policy(nonce)
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    return response


def asks_for_page() -> bool:
    """Browsers name HTML when they open an address; programs that name nothing get JSON."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def is_built() -> bool:
    """Is there a console to show?"""
    return (FOLDER / "index.html").is_file()


def _is_console_address() -> bool:
    """Does a browser ask for a page at an address that begins like none of the API's?"""
    if request.method not in ("GET", "HEAD") or request.url_rule is not None or not asks_for_page():
        return False
    beginnings = {rule.rule.split("/")[1] for rule in current_app.url_map.iter_rules()}
    return request.path.split("/")[1] not in beginnings - {""}


def _policy(nonce: str) -> str:
    """Scripts from our own files only; styles made at run time carry the nonce; images of
    campaigns come from wherever their senders keep them."""
    return (
        "default-src 'none'; script-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data: blob: https:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
