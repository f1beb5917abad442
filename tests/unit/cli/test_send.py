import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from deploy.api_client import ApiClient
from deploy.commands.send import CampaignDraft, create_and_follow, in_lines, send
from deploy.commands.session import CommandError
from deploy.contact_file import read_contact_file

from .conftest import CAMPAIGN, TOKEN, Rapid

Write = Callable[[str], str]
EXAMPLE = str(Path(__file__).parents[3] / "examples" / "contatos.csv")
LIST = "nome;telefone;cidade\nAna;11987654321;Natal\nBia;21987654321;Recife\n"


def run(rapid: Rapid, *args: str) -> Result:
    base = ["--url", rapid.url, "--token", TOKEN]
    return CliRunner(env={"COLUMNS": "160"}).invoke(send, [*args, *base])


def test_sends_the_example_and_reports(rapid: Rapid) -> None:
    rapid.skipped = 16
    result = run(rapid, EXAMPLE, "--message", "Olá {{nome}} {{pedido}}", "--yes", "--watch")
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.replace("│", " ").split())
    assert "46 of 60 contacts will get the message, 14 will be skipped" in text
    assert "2 of them are in other countries" in text
    assert "45 João E. da Silva +55 (11) 98765-0001 mesmo telefone que line 2" in text
    assert "100% 60/60 sent 44 failed 0 skipped 16" in text
    assert "total 60" in text


def test_the_body_is_the_spec_s(rapid: Rapid, write_list: Write) -> None:
    result = run(
        rapid, write_list(LIST), "--message", "Oi {{nome}}", "--name", "Natal", "--yes",
        "--image-url", "https://example.com/a.png", "--instance", "loja", "--delay-min", "1",
        "--delay-max", "2.5", "--idempotency-key", "once", "--no-watch",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert rapid.created == [
        {
            "name": "Natal",
            "contacts": [
                {"nome": "Ana", "telefone": "11987654321", "cidade": "Natal"},
                {"nome": "Bia", "telefone": "21987654321", "cidade": "Recife"},
            ],
            "config": {
                "systemPrompt": "Oi {{nome}}",
                "imageUrl": "https://example.com/a.png",
                "delayMin": 1.0,
                "delayMax": 2.5,
                "instance": "loja",
            },
        }
    ]
    assert rapid.headers[0]["Idempotency-Key"] == "once"
    assert rapid.headers[0]["X-Api-Key"] == TOKEN
    assert f"rapidflow watch {CAMPAIGN}" in result.stdout


def test_several_instances_and_a_name_of_its_own(rapid: Rapid, write_list: Write) -> None:
    run(rapid, write_list(LIST), "--message", "Oi", "--yes", "--instance", "a", "--instance", "b")
    assert rapid.created[0]["config"] == {"systemPrompt": "Oi", "instances": ["a", "b"]}
    assert re.fullmatch(r"lista \d{4}-\d\d-\d\d \d\d:\d\d", rapid.created[0]["name"])
    assert rapid.headers[0]["Idempotency-Key"]


def test_json_keeps_stdout_for_the_object(rapid: Rapid, write_list: Write) -> None:
    rapid.doubtful = 1
    result = run(rapid, write_list(LIST), "--message", "Oi", "--yes", "--watch", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 3
    assert (answer["campaign"]["sent"], answer["campaign"]["in_doubt"]) == (1, 1)
    assert answer["validation"]["valid"] == 2
    assert "2 of 2 contacts" in result.stderr


def test_without_a_terminal_it_does_not_send_unasked(rapid: Rapid, write_list: Write) -> None:
    result = run(rapid, write_list(LIST), "--message", "Oi")
    assert result.exit_code == 1
    assert "add --yes" in result.stderr
    assert rapid.created == []


@pytest.mark.parametrize(
    ("text", "args", "sentence"),
    [
        (LIST, ["--message", "Oi {{cidad}}"], "{{cidad}}, which the file does not have"),
        (LIST, ["--message", "  "], "The message is empty."),
        (LIST, ["--message", "x" * 4097], "longer than 4096"),
        (LIST, ["--message", "x", "--delay-min", "9", "--delay-max", "2"], "--delay-min is more"),
        (LIST, ["--message", "x", "--name", "n" * 256], "1 to 255"),
        ("nome;telefone\n;11987654321\n", ["--message", "x"], "None of the 1 contacts"),
        ("nome;cidade\nAna;Natal\n", ["--message", "x"], "No column with phones"),
        ("", ["--message", "x"], "is empty"),
        (
            "nome;telefone\n" + "".join(f"A;119{n:08d}\n" for n in range(10_001)),
            ["--message", "x"],
            "at most 10,000: split the file",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_asking_the_server(
    rapid: Rapid, write_list: Write, text: str, args: list[str], sentence: str
) -> None:
    result = run(rapid, write_list(text), *args, "--yes")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert rapid.asked == []


def test_the_server_s_refusal_is_told_in_lines_of_the_file(rapid: Rapid, write_list: Write) -> None:
    rapid.refuse_create = {
        "code": "invalid_request",
        "message": "1 field is wrong.",
        "request_id": "req-9",
        "fields": [{"path": "contacts[1].telefone", "message": "not a phone"}],
    }
    path = write_list("nome;telefone\n\nAna;11987654321\n\n\nBia;21987654321\n")
    result = run(rapid, path, "--message", "Oi", "--yes")
    assert result.exit_code == 1
    assert "1 field is wrong. (request req-9)" in result.stderr
    assert "line 6, telefone: not a phone" in result.stderr
    result = run(rapid, path, "--message", "Oi", "--yes", "--json")
    problem: dict[str, Any] = json.loads(result.stdout)["error"]
    assert problem["code"] == "invalid_request"


def test_a_busy_server_is_asked_again_with_the_same_key(rapid: Rapid, write_list: Write) -> None:
    rapid.busy = 2
    result = run(rapid, write_list(LIST), "--message", "Oi", "--yes")
    assert result.exit_code == 0, result.output
    assert [asked for asked in rapid.asked if "POST" in asked] == ["POST /api/campaigns"] * 3


def test_what_never_left_needs_no_advice(write_list: Write) -> None:
    args = [write_list(LIST), "--message", "Oi", "--yes", "--token", "t"]
    result = CliRunner().invoke(send, [*args, "--url", "ftp://example.com"])
    assert result.exit_code == 1
    assert "idempotency" not in result.stderr  # nothing ever left


def test_the_function_for_other_commands(rapid: Rapid, write_list: Write) -> None:
    console = Console(file=io.StringIO(), width=120)
    contacts = read_contact_file(write_list(LIST))
    draft = CampaignDraft("Amostra", "Oi {{nome}}")
    with ApiClient(rapid.url, TOKEN) as client:
        assert create_and_follow(client, contacts, draft, console) == 0


def test_a_server_that_hangs_up_may_have_taken_it(write_list: Write) -> None:
    contacts = read_contact_file(write_list(LIST))
    draft, console = CampaignDraft("Amostra", "Oi"), Console(file=io.StringIO())
    with (
        hanging_up() as url,
        ApiClient(url, TOKEN, sleep=lambda _: None) as client,
        pytest.raises(CommandError, match="--idempotency-key once"),
    ):
        create_and_follow(client, contacts, draft, console, idempotency_key="once")


@contextmanager
def hanging_up() -> Iterator[str]:
    """A server that takes every connection and closes it without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    connection.recv(65536)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_in_lines() -> None:
    assert in_lines("contacts[0].nome, contacts[1], contacts[7]", [2, 5]) == (
        "line 2, nome, line 5, contacts[7]"
    )


def test_help_is_complete() -> None:
    text = CliRunner().invoke(send, ["--help"]).output
    for part in ("--delay-min", "--image-url", "--token", "Exit codes", "RAPIDFLOW_TOKEN"):
        assert part in text
