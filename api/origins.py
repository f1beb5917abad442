"""Which browsers' pages may use cookies and read answers across origins."""

from urllib.parse import urlsplit

from flask import request

from shared.errors import Forbidden
from shared.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_allowed(settings: Settings, origin: str) -> bool:
    """Our own address, a configured one, or a page served from this machine."""
    if origin == settings.base_url or origin in settings.gateway.allowed_origins:
        return True
    try:
        parts = urlsplit(origin)
        _ = parts.port  # what is no number there is no origin
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and _on_loopback()


def check_origin(settings: Settings) -> None:
    """For requests that a cookie speaks for.

    Raises:
        Forbidden: the browser says they come from a page that is not ours.
    """
    origin = request.headers.get("Origin")
    if origin is None or not is_allowed(settings, origin):
        raise Forbidden("Origem não permitida.", code="origin_refused")


def _on_loopback() -> bool:
    return (urlsplit(f"//{request.host}").hostname or "") in _LOOPBACK
