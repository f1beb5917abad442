"""Which browsers' pages may use cookies, read answers across origins and open sockets."""

from urllib.parse import urlsplit

from flask import request

from shared.errors import Forbidden
from shared.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_allowed(settings: Settings, origin: str) -> bool:
    """Our own address, a configured one, or a page served from this machine to this machine."""
    asked = origin.lower()
    configured = (listed.rstrip("/").lower() for listed in settings.gateway.allowed_origins)
    if asked == _origin_of(settings.base_url) or asked in configured:
        return True
    try:
        parts = urlsplit(asked)
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


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _on_loopback() -> bool:
    return (urlsplit(f"//{request.host}").hostname or "") in _LOOPBACK
