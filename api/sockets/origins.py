"""Which pages may open a socket: an exact list, as browsers send cookies along to anyone."""

from urllib.parse import urlsplit

from shared.settings import Settings

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed_origins(settings: Settings) -> frozenset[str]:
    """The origin people reach us under, loopback on our own port, and what the settings add."""
    loopback = (f"http://{host}:{settings.port}" for host in _LOOPBACK)
    configured = (origin.rstrip("/") for origin in settings.gateway.allowed_origins)
    return frozenset({_origin_of(settings.base_url), *loopback, *configured})


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
