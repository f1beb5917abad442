"""A list checked, and the server asked what it offers, before there is a campaign."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.settings import Settings
from tests.integration.api.conftest import Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


def check(person: Person, contacts: list[dict[str, Any]]) -> dict[str, Any]:
    answer = person.post("/api/campaigns/check", {"contacts": contacts})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_every_skipped_contact_is_named_with_its_reason(owner: Person, engine_conn: Conn) -> None:
    engine_conn.execute(
        "INSERT INTO suppressions VALUES (%s, '5511980000009', 'opt_out')",
        (owner.tenant.tenant_id,),
    )
    contacts = [
        {"nome": "Ana", "telefone": "11 98000-0001", "cidade": "Rio"},
        {"nome": " ", "telefone": "11 98000-0002"},
        {"nome": "Bia", "telefone": "98000-0003"},
        {"nome": "Ana de novo", "telefone": "+55 11 98000 0001"},
        {"nome": "Cid", "telefone": "11980000009"},
        {"nome": "Padaria", "telefone": "11 3333-4444"},
    ]
    shown = check(owner, contacts)
    assert (shown["valid"], shown["skipped"]) == (2, 4)
    told = [
        (one["index"], one["field"], one["reason"], one["detail"], one["same_as"])
        for one in shown["problems"]
    ]
    assert told == [
        (1, "contacts[1].nome", "empty_name", None, None),
        (2, "contacts[2].telefone", "invalid_phone", "no_area_code", None),
        (3, "contacts[3].telefone", "duplicate", None, 0),
        (4, "contacts[4].telefone", "suppressed", None, None),
    ]
    assert shown["remarks"] == [{"index": 5, "code": "landline"}]
    assert shown["columns"] == ["cidade"]
    for table in ("campaigns", "contacts", "messages"):
        query = f"SELECT count(*) FROM {table}"  # noqa: S608  a constant
        assert engine_conn.execute(query).fetchone() == (0,)  # type: ignore[arg-type]


def test_a_check_lists_more_than_a_hundred_and_agrees_with_the_create(owner: Person) -> None:
    contacts = [
        *campaign_body(2)["contacts"],
        *({"nome": "x", "telefone": "1"} for _ in range(150)),
    ]
    shown = check(owner, contacts)
    assert len(shown["problems"]) == shown["skipped"] == 150
    created = owner.create(contacts=contacts)["validation"]
    assert (created["valid"], created["skipped"]) == (shown["valid"], shown["skipped"])
    assert created["reasons"] == shown["reasons"]
    assert len(created["first_problems"]) == 100


def test_a_list_of_nobody_is_an_answer(owner: Person) -> None:
    shown = check(owner, [{"nome": "", "telefone": ""}])
    assert (shown["valid"], shown["reasons"]) == (0, {"empty_name": 1})


def test_the_options_are_what_a_campaign_without_config_gets(owner: Person) -> None:
    options = owner.get("/api/campaigns/options").get_json()["options"]
    reference = owner.create()["campaign"]["campaign_id"]
    config = owner.get(f"/api/campaigns/{reference}").get_json()["campaign"]["config"]
    assert {key: options[key] for key in ("systemPrompt", "delayMin", "delayMax")} == {
        key: config[key] for key in ("systemPrompt", "delayMin", "delayMax")
    }
    assert options["max_contacts"] == 10_000


class TestModels:
    @pytest.fixture(params=["", "sk-test"])
    def settings(self, settings_for: Callable[..., Settings], request: Any) -> Settings:
        return settings_for(openai_api_key=request.param)

    def test_models_are_offered_where_the_server_may_use_them(
        self, owner: Person, settings: Settings
    ) -> None:
        offered = owner.get("/api/campaigns/options").get_json()["options"]["models"]
        has_key = settings.openai_api_key is not None
        assert offered == (list(settings.model.allowed) if has_key else [])


@pytest.mark.parametrize("path", ["check", "options"])
def test_a_viewer_may_not_ask(person: Callable[..., Person], path: str) -> None:
    viewer = person("viewer")
    if path == "options":
        assert viewer.get("/api/campaigns/options").status_code == 403
    else:
        body = {"contacts": campaign_body(1)["contacts"]}
        assert viewer.post("/api/campaigns/check", body).status_code == 403
