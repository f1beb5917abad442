"""Campaigns with a model over HTTP: who may write, what is shown before and after."""

import logging
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.observability.logging import configure_logging
from shared.settings import Settings
from tests.integration.api.conftest import Person, campaign_body
from tests.sandbox_process import Sandbox

Conn = psycopg.Connection[tuple[Any, ...]]
MODEL = "gpt-4o-mini"


@pytest.fixture
def settings(settings_for: Callable[..., Settings], sandbox: Sandbox) -> Settings:
    return settings_for(
        openai_base_url=sandbox.model_url,
        openai_api_key=sandbox.api_key,
        model={"call_seconds": 0.8, "preview_seconds": 1.5},
    )


class TestWithoutAKey:
    @pytest.fixture
    def settings(self, settings_for: Callable[..., Settings]) -> Settings:
        return settings_for(openai_api_key="")

    def test_a_model_is_refused_by_field(self, owner: Person) -> None:
        for path in ("/api/campaigns", "/api/campaigns/preview"):
            body = campaign_body(config={"model": MODEL})
            if path.endswith("preview"):
                del body["name"]
            answer = owner.post(path, body)
            assert answer.status_code == 422
            field = answer.get_json()["error"]["fields"][0]
            assert field["path"] == "config.model"
            assert "não tem um modelo de texto" in field["message"]


def test_a_model_that_is_not_on_the_list_is_refused_with_those_that_are(owner: Person) -> None:
    answer = owner.post("/api/campaigns", campaign_body(config={"model": "gpt-2"}))
    assert answer.status_code == 422
    field = answer.get_json()["error"]["fields"][0]
    assert (field["path"], field["code"]) == ("config.model", "model_not_allowed")
    assert MODEL in field["message"]


def test_messages_of_a_model_wait_for_their_texts_and_the_detail_says_how_many(
    owner: Person, engine_conn: Conn
) -> None:
    contacts = [*campaign_body(3)["contacts"], {"nome": "x", "telefone": "1"}]
    created = owner.create(contacts=contacts, config={"model": MODEL})["campaign"]
    stored = engine_conn.execute(
        "SELECT status, due_at = 'infinity', body FROM messages JOIN contacts"
        " USING (tenant_id, campaign_id, position) ORDER BY position"
    ).fetchall()
    assert stored[:3] == [("pending", True, f"Olá Pessoa {at}!") for at in range(3)]
    assert stored[3] == ("skipped", None, None)
    detail = owner.get(f"/api/campaigns/{created['campaign_id']}").get_json()["campaign"]
    assert detail["config"]["model"] == MODEL
    assert detail["text"] == {
        "model": MODEL,
        "written": 0,
        "fallbacks": {},
        "waiting": 3,
        "tokens": 0,
    }
    page = owner.get(f"/api/campaigns/{created['campaign_id']}/messages")
    assert page.status_code == 200
    assert owner.get(f"/api/campaigns/{created['campaign_id']}/export").status_code == 200
    cancelled = owner.post(f"/api/campaigns/{created['campaign_id']}/cancel")
    assert cancelled.get_json()["campaign"]["cancelled_count"] == 3
    assert engine_conn.execute("SELECT count(*) FROM message_texts").fetchone() == (0,)


def test_a_campaign_without_a_model_has_no_text_block(owner: Person, engine_conn: Conn) -> None:
    created = owner.create()["campaign"]
    detail = owner.get(f"/api/campaigns/{created['campaign_id']}").get_json()["campaign"]
    assert (detail["text"], detail["config"]["model"]) == (None, None)
    assert engine_conn.execute("SELECT count(*) FROM campaign_texts").fetchone() == (0,)


def preview(person: Person, **body: Any) -> dict[str, Any]:
    contacts = body.pop("contacts", campaign_body(5)["contacts"])
    answer = person.post("/api/campaigns/preview", {"contacts": contacts, **body})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.get_json()
    return shown


def test_a_preview_renders_and_stores_nothing(owner: Person, engine_conn: Conn) -> None:
    contacts = [{"nome": "", "telefone": "1"}, *campaign_body(5)["contacts"]]
    shown = preview(owner, contacts=contacts, config={"systemPrompt": "Oi {{nome}}!"})
    assert [text["text"] for text in shown["texts"]] == [f"Oi Pessoa {at}!" for at in range(3)]
    assert [text["index"] for text in shown["texts"]] == [1, 2, 3]
    assert {(text["source"], text["reason"]) for text in shown["texts"]} == {("template", None)}
    assert shown["validation"]["reasons"] == {"empty_name": 1}
    for table in ("campaigns", "contacts", "messages", "message_texts", "campaign_events"):
        query = f"SELECT count(*) FROM {table}"  # noqa: S608  a constant
        assert engine_conn.execute(query).fetchone() == (0,)  # type: ignore[arg-type]


def test_a_preview_with_a_model_shows_what_it_writes_and_why_a_template_goes(
    owner: Person, sandbox: Sandbox
) -> None:
    sandbox.model(failure="link", contains="Pessoa 1")
    shown = preview(owner, config={"model": MODEL}, limit=4)
    assert [text["source"] for text in shown["texts"]] == ["model", "template", "model", "model"]
    assert shown["texts"][0]["text"].startswith("Olá Pessoa 0!\n")
    assert shown["texts"][1]["text"] == "Olá Pessoa 1!"
    assert shown["texts"][1]["reason"] == "text_link"
    assert "link" in shown["texts"][1]["reason_text"]
    assert len(sandbox.model_requests()) == 4


def test_a_preview_ends_in_time_when_the_model_hangs(owner: Person, sandbox: Sandbox) -> None:
    preview(owner, config={"model": MODEL}, limit=1)  # the client's import is paid once a process
    sandbox.model(failure="hang")
    began = time.monotonic()
    shown = preview(owner, config={"model": MODEL}, limit=20)
    assert time.monotonic() - began < 5
    assert {text["reason"] for text in shown["texts"]} == {"model_timeout"}


@pytest.mark.parametrize("limit", [0, 21, "3", 1.5])
def test_a_preview_is_of_one_to_twenty_texts(owner: Person, limit: object) -> None:
    body = {"contacts": campaign_body(1)["contacts"], "limit": limit}
    answer = owner.post("/api/campaigns/preview", body)
    assert answer.status_code == 422
    assert answer.get_json()["error"]["fields"][0]["path"] == "limit"


def test_a_viewer_may_not_preview(person: Callable[..., Person]) -> None:
    body = {"contacts": campaign_body(1)["contacts"]}
    assert person("viewer").post("/api/campaigns/preview", body).status_code == 403


def test_neither_prompt_nor_name_nor_key_reaches_a_log(
    owner: Person, sandbox: Sandbox, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging(settings.model_copy(update={"log_level": "DEBUG"}), "api")
    try:
        for failure in (None, "garbage", "unauthorized", "refused", "link", "hang"):
            sandbox.model(failure=failure)
            contacts = [{"nome": "Canario Silva", "telefone": "11987654321"}]
            config = {"model": MODEL, "systemPrompt": "Segredo-canario para {{nome}}"}
            preview(owner, contacts=contacts, config=config)
    finally:
        root.handlers, _ = handlers, root.setLevel(level)
    written = capfd.readouterr()
    files = "".join(
        path.read_text("utf-8") for path in settings.log_dir.rglob("*") if path.is_file()
    )
    assert "campaign_previewed" in files
    for canary in ("Canario", "egredo-canario", sandbox.api_key, "11987654321"):
        assert canary not in files + written.out + written.err
