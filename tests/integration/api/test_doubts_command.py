"""`rapidflow doubts` against a real server."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.serving import make_server

from deploy.commands.doubts import doubts
from tests.integration.api.conftest import Person
from tests.integration.api.test_doubts import audited, put_in_doubt

Conn = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """The app behind a socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(url: str, person: Person, *arguments: str) -> Result:
    command, *rest = arguments
    return CliRunner().invoke(doubts, [command, *rest, "--url", url, "--token", person.key])


def test_lists_every_page_and_decides(url: str, owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(130)["campaign"]
    put_in_doubt(engine_conn, campaign["id"])
    reference = campaign["campaign_id"]
    listed = run(url, owner, "list", reference, "--json")
    assert listed.exit_code == 0, listed.output
    assert len(json.loads(listed.stdout)["doubts"]) == 130
    shown = run(url, owner, "list")
    assert f"{reference} position 129: Pessoa 129 5511980000129, attempt 1 at " in shown.stdout
    assert "O serviço de envio não respondeu a tempo (HTTP 504); 1 looks made" in shown.stdout
    decided = run(
        url, owner, "decide", reference, "sent", "--position", "3", "--note", "vi no celular"
    )
    assert decided.stdout == "Decided 1; 129 still in doubt.\n"
    rest = run(url, owner, "decide", reference, "failed", "--all", "--json")
    assert json.loads(rest.stdout)["decided"] == 129
    details = [detail["why"] for _, _, detail in audited(engine_conn, "doubts_decided")]
    assert details == ["vi no celular", None]
    assert run(url, owner, "list").stdout == "Nothing is in doubt.\n"


def test_says_why_nothing_was_decided(url: str, owner: Person) -> None:
    reference = owner.create(1)["campaign"]["campaign_id"]
    neither = run(url, owner, "decide", reference, "sent", "--json")
    assert neither.exit_code == 1
    assert "--position" in json.loads(neither.stdout)["error"]["message"]
    nothing = run(url, owner, "decide", reference, "sent", "--all", "--json")
    assert nothing.exit_code == 1
    assert json.loads(nothing.stdout)["error"]["code"] == "no_doubts"
