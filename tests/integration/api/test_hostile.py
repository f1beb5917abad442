"""Requests of somebody who means harm: refused, in bounded time and memory, never a 500."""

import pytest

from api.schemas.urls import check_public_url
from tests.integration.api.conftest import Person


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254\\.example.com/",
        "http://127.0.0.%31/",
        "http://127.0。0。1/",
        "http://foo.ⓛocal/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[::127.0.0.1]/",
        "http://kubernetes.default.svc/",
        "http://example.com:6379/",
        "https://é.com",
    ],
)
def test_an_image_address_that_hides_a_private_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_public_url(url)


def test_ordinary_image_addresses_pass() -> None:
    for url in ("https://cdn.example.com/a.png", "http://93.184.216.34/a.png"):
        assert check_public_url(url) == url


@pytest.mark.parametrize(
    "path",
    [
        "/api/campaigns/%00",
        "/api/campaigns/CAMP-%00/metrics",
        "/api/instances/x%00y",
        "/api/campaigns?limit=00000000199999999999999999999",
        "/api/campaigns?limit=000000001999",
    ],
)
def test_odd_paths_and_limits_are_refused(owner: Person, path: str) -> None:
    assert owner.get(path).status_code in (404, 422)


def test_long_texts_are_not_kept(owner: Person) -> None:
    people = [
        {"nome": "😀", "telefone": f"119{70000000 + at}", "a": "x" * 4000} for at in range(300)
    ]
    body = {
        "name": "x",
        "contacts": people,
        "config": {"systemPrompt": "{{a}}" * 500 + "{{nome}}"},
    }
    answer = owner.post("/api/campaigns", body)
    assert answer.status_code == 422
    assert len(answer.get_json()["error"]["fields"]) <= 100


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_schedule_out_of_this_world_is_refused(owner: Person, when: str) -> None:
    body = {
        "name": "x",
        "contacts": [{"nome": "Ana", "telefone": "11970000001"}],
        "scheduleAt": when,
    }
    assert owner.post("/api/campaigns", body).status_code == 422
