"""The console's files: for browsers, beside an API that stays what it is for programs."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api.routes import console

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HTML = (
    "<!doctype html><meta property='csp-nonce' nonce='__CSP_NONCE__'>"
    "<script type='module' src='/assets/index-abc.js' nonce='__CSP_NONCE__'></script>"
)


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A console of three files, as Vite leaves it."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text(HTML)
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (assets / "index-abc.js").write_text("plain")
    (assets / "index-abc.js.br").write_text("brotli")
    (assets / "index-abc.js.gz").write_text("gzip")
    monkeypatch.setattr(console, "FOLDER", tmp_path)
    return tmp_path


def test_a_browser_gets_the_console_and_a_program_the_json(client: FlaskClient) -> None:
    page = client.get("/", headers=BROWSER)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert page.headers["Cache-Control"] == "no-cache"
    assert client.get("/").get_json()["service"] == "RapidFlow"


def test_no_script_or_style_runs_that_is_not_ours(client: FlaskClient) -> None:
    pages = [client.get("/", headers=BROWSER) for _ in range(2)]
    nonces = [re.findall(r"nonce='([^']+)'", page.text) for page in pages]
    assert nonces[0][0] != nonces[1][0]
    policy = dict(
        part.strip().split(" ", 1)
        for part in pages[0].headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == f"'self' 'nonce-{nonces[0][0]}'"


@pytest.mark.parametrize("path", ["/campanhas", "/campanhas/CAMP-1/relatorio", "/nowhere"])
def test_addresses_of_pages_begin_with_the_console(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=BROWSER).mimetype == "text/html"
    assert client.get(path).get_json()["error"]["code"] == "not_found"
    assert client.post(path, headers=BROWSER).get_json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/webhook/nothing", "/health/nothing", "/docs/nothing", "/assets/a.js"]
)
def test_addresses_of_the_api_stay_json_for_browsers_too(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (404, "application/json")


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [("gzip, deflate, br", "br", "brotli"), ("gzip", "gzip", "gzip"), ("identity", None, "plain")],
)
def test_assets_come_compressed_and_are_kept_for_ever(
    client: FlaskClient, accepted: str, encoding: str | None, body: str
) -> None:
    answer = client.get("/assets/index-abc.js", headers={"Accept-Encoding": accepted})
    assert answer.text == body
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.mimetype == "text/javascript"


@pytest.mark.parametrize("name", ["..%2findex.html", ".hidden.js", "index-abc.js.map", "other.js"])
def test_nothing_else_of_the_disk_is_served(client: FlaskClient, built: Path, name: str) -> None:
    (built / "assets" / ".hidden.js").write_text("x")
    (built / "assets" / "index-abc.js.map").write_text("x")
    assert client.get(f"/assets/{name}").status_code == 404


def test_without_a_build_the_api_works_and_says_what_is_missing(
    client: FlaskClient, built: Path
) -> None:
    (built / "index.html").unlink()
    assert client.get("/", headers=BROWSER).get_json()["service"] == "RapidFlow"
    answer = client.get("/campanhas", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "console_missing"
