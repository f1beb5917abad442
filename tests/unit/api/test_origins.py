"""Which pages may read answers and open sockets: one rule for both."""

from types import SimpleNamespace
from typing import cast

import pytest
from flask import Flask

from api.origins import is_allowed
from shared.settings import GatewaySettings, Settings


def allowed(origin: str, *, host: str) -> bool:
    gateway = GatewaySettings(allowed_origins=("https://console.example.com/",))
    settings = SimpleNamespace(base_url="https://app.example.com/sub", gateway=gateway)
    with Flask(__name__).test_request_context("/", headers={"Host": host}):
        return is_allowed(cast("Settings", settings), origin)


@pytest.mark.parametrize("host", ["app.example.com", "localhost:5000"])
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://app.example.com", True),
        ("https://console.example.com", True),
        ("HTTPS://Console.Example.com", True),
        ("null", False),
        ("https://evil.app.example.com", False),
        ("https://app.example.com.evil.example", False),
        ("http://app.example.com", False),
        ("http://localhost.evil.example", False),
    ],
)
def test_our_own_address_and_the_listed_ones(origin: str, expected: bool, host: str) -> None:
    assert allowed(origin, host=host) is expected


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:1"])
def test_pages_of_this_machine_reach_this_machine_only(origin: str) -> None:
    assert allowed(origin, host="localhost:5000")
    assert allowed(origin, host="[::1]:5000")
    assert not allowed(origin, host="app.example.com")
    assert not allowed("http://localhost:port", host="localhost:5000")
