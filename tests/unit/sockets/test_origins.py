"""Only the pages we serve may open a socket."""

from types import SimpleNamespace
from typing import cast

from api.sockets.origins import allowed_origins
from shared.settings import GatewaySettings, Settings


def origins(base_url: str, *more: str) -> frozenset[str]:
    gateway = GatewaySettings(allowed_origins=more)
    settings = SimpleNamespace(base_url=base_url, port=5000, gateway=gateway)
    return allowed_origins(cast("Settings", settings))


def test_the_list_is_exact() -> None:
    allowed = origins("https://app.example.com/sub", "https://console.example.com/")
    assert "https://app.example.com" in allowed
    assert "https://console.example.com" in allowed
    assert "http://localhost:5000" in allowed
    assert "http://127.0.0.1:5000" in allowed
    for foreign in ("null", "https://evil.app.example.com", "http://localhost:3000"):
        assert foreign not in allowed
