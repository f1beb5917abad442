"""The health check of a container."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.probe import main


class _Answers(BaseHTTPRequestHandler):
    """200 to whoever shows the token, 404 to others."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Bearer open-sesame"
        self.send_response(200 if known else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_it_passes_with_the_token_of_the_container_only(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{port}/metrics"
    assert main([url]) == 1
    (tmp_path / "token").write_text("open-sesame\n", "utf-8")
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(tmp_path / "token"))
    assert main([url]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{url} answers 404", f"{url} answers 200"]


def test_it_says_that_nobody_answers(
    unused_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(unused_port))
    assert main([]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"http://127.0.0.1:{unused_port}/health/live does not answer")


@pytest.fixture
def unused_port() -> int:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        return server.server_port
