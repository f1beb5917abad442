"""Bodies and queries refused: every fault at once, in the caller's own paths."""

from typing import Any

import psycopg
import pytest
from werkzeug.test import TestResponse

from tests.factories import Factory
from tests.integration.api.conftest import Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


def faults(answer: TestResponse) -> dict[str, str]:
    """Path to code of a 422."""
    assert answer.status_code == 422, answer.text
    return {field["path"]: field["code"] for field in answer.get_json()["error"]["fields"]}


def code(answer: TestResponse) -> str:
    return str(answer.get_json()["error"]["code"])


ANA = {"nome": "Ana", "telefone": "11987654321"}


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"name": ""}, {"name"}),
        ({"name": "   "}, {"name"}),
        ({"name": "x" * 256}, {"name"}),
        ({"name": 7}, {"name"}),
        ({"name": None}, {"name"}),
        ({"name": "a\u200bb"}, {"name"}),
        ({"contacts": []}, {"contacts"}),
        ({"contacts": None}, {"contacts"}),
        ({"contacts": {}}, {"contacts"}),
        ({"contacts": "11987654321"}, {"contacts"}),
        ({"contacts": [ANA, "x"]}, {"contacts[1]"}),
        ({"contacts": [ANA, ANA, ANA, {**ANA, "telefone": ["1"]}]}, {"contacts[3].telefone"}),
        ({"contacts": [ANA, {**ANA, "nome": True}]}, {"contacts[1].nome"}),
        ({"contacts": [{**ANA, "cidade": {"a": 1}}]}, {"contacts[0].cidade"}),
        ({"config": {"delayMin": -0.1}}, {"config.delayMin"}),
        ({"config": {"delayMin": 3600.1}}, {"config.delayMin"}),
        ({"config": {"delayMax": -1, "delayMin": 3601}}, {"config.delayMin", "config.delayMax"}),
        ({"config": {"delayMin": 2, "delayMax": 1}}, {"config.delayMax"}),
        ({"config": {"delayMin": "2"}}, {"config.delayMin"}),
        ({"config": {"delayMin": True}}, {"config.delayMin"}),
        ({"config": {"systemPrompt": ""}}, {"config.systemPrompt"}),
        ({"config": {"systemPrompt": "x" * 4097}}, {"config.systemPrompt"}),
        ({"config": {"systemPrompt": 5}}, {"config.systemPrompt"}),
        ({"config": {"imageUrl": "https://example.com/" + "x" * 2048}}, {"config.imageUrl"}),
        ({"config": {"imageUrl": "ftp://example.com/x.png"}}, {"config.imageUrl"}),
        ({"config": {"imageUrl": "http://10.0.0.1/x.png"}}, {"config.imageUrl"}),
        ({"config": {"imageUrl": "example.com/x.png"}}, {"config.imageUrl"}),
        (
            {"config": {"instance": "a", "instances": ["b"]}},
            {"config.instances", "config.instance"},
        ),
        ({"config": {"instances": []}}, {"config.instances"}),
        ({"config": []}, {"config"}),
        ({"config": None}, {"config"}),
        ({"config": {"colour": 1, "Imageurl": "x"}}, {"config.colour", "config.Imageurl"}),
        ({"priority": 101}, {"priority"}),
        ({"priority": 1.5}, {"priority"}),
        ({"priority": "1"}, {"priority"}),
        ({"scheduleAt": "amanhã"}, {"scheduleAt"}),
        ({"scheduleAt": "2026-01-01T00:00:00"}, {"scheduleAt"}),
        ({"scheduleAt": 1700000000}, {"scheduleAt"}),
        ({"tenant_id": 1, "user_id": 2}, {"tenant_id", "user_id"}),
    ],
)
def test_a_fault_is_named_by_its_path(owner: Person, body: dict[str, Any], paths: set[str]) -> None:
    answer = owner.post("/api/campaigns", campaign_body(**body))
    assert set(faults(answer)) == paths
    assert code(answer) == "invalid_request"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x" * 255},
        {"name": "  um   nome "},
        {"config": {"delayMin": 0, "delayMax": 0}},
        {"config": {"delayMin": 3600, "delayMax": 3600}},
        {"config": {"delayMax": 5}},
        {"config": {"systemPrompt": "x" * 4096}},
        {"config": {"imageUrl": "https://example.com/" + "x" * (2048 - 20)}},
        {"config": {"imageUrl": "http://example.com/x.png"}},
        {"contacts": [{"nome": 7, "telefone": 11987654321}]},
        {"contacts": [{**ANA, "cidade": None, "idade": 31.5}]},
        {"priority": -100},
    ],
)
def test_what_is_just_inside_a_limit_is_accepted(owner: Person, body: dict[str, Any]) -> None:
    answer = owner.post("/api/campaigns", campaign_body(**body))
    assert answer.status_code == 201, answer.text


def test_a_missing_field_is_required(owner: Person) -> None:
    assert faults(owner.post("/api/campaigns", {})) == {"name": "required", "contacts": "required"}


def test_faults_only_our_rows_know_of_come_together(owner: Person) -> None:
    body = campaign_body(
        contacts=[{"nome": "Ana", "telefone": "1"}],
        config={"instance": "outra", "systemPrompt": "Oi {{empresa}}"},
    )
    answer = owner.post("/api/campaigns", body)
    assert faults(answer) == {
        "contacts[0].telefone": "invalid_phone",
        "config.instance": "unknown_instance",
        "config.systemPrompt": "unknown_variables",
    }
    assert code(answer) == "invalid_request"


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"config": {"instance": "outra"}}, "unknown_instance"),
        ({"config": {"systemPrompt": "{{empresa}}"}}, "unknown_variables"),
        ({"contacts": [{"nome": "", "telefone": ""}]}, "no_sendable_contacts"),
        ({"contacts": [{**ANA, "x": " "}], "config": {"systemPrompt": "{{x}}"}}, "text_invalid"),
    ],
)
def test_faults_of_one_kind_keep_its_code(
    owner: Person, over: dict[str, Any], expected: str
) -> None:
    answer = owner.post("/api/campaigns", campaign_body(**over))
    assert (answer.status_code, code(answer)) == (422, expected)


def test_faults_of_form_and_of_our_rows_come_together(owner: Person, factory: Factory) -> None:
    factory.instance(owner.tenant, name="vendas")
    body = {
        "name": "",
        "contacts": [ANA, {**ANA, "telefone": []}, {"nome": "Zé", "cidade": "Rio"}],
        "config": {
            "delayMin": -1,
            "instances": ["vendas", "outra"],
            "systemPrompt": "Oi {{empresa}} de {{cidade}}",
        },
        "colour": 1,
    }
    answer = owner.post("/api/campaigns", body)
    assert set(faults(answer)) == {
        "name",
        "contacts[1].telefone",
        "config.delayMin",
        "config.instances",
        "config.systemPrompt",
        "colour",
    }
    assert "{{cidade}}" not in answer.text


def test_a_body_with_faults_stores_nothing(owner: Person, engine_conn: Conn) -> None:
    owner.post("/api/campaigns", campaign_body(name="", config={"instance": "outra"}))
    assert engine_conn.execute("SELECT count(*) FROM campaigns").fetchone() == (0,)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/campaigns?limit=0", {"limit"}),
        ("/api/campaigns?limit=101", {"limit"}),
        ("/api/campaigns?limit=", {"limit"}),
        ("/api/campaigns?limit=%2B5", {"limit"}),
        ("/api/campaigns?limit=1_0", {"limit"}),
        ("/api/campaigns?limit=٣", {"limit"}),
        ("/api/campaigns?limit=1&limit=2", {"limit"}),
        ("/api/campaigns?status=running,nope", {"status"}),
        ("/api/campaigns?status=running,", {"status"}),
        ("/api/campaigns?status=", {"status"}),
        ("/api/campaigns?cursor=abc", {"cursor"}),
        ("/api/campaigns?cursor=" + "x" * 501, {"cursor"}),
        ("/api/campaigns?search=" + "x" * 101, {"search"}),
        ("/api/campaigns?search=a%00b", {"search"}),
        ("/api/campaigns?sort=name&limit=0&status=x", {"sort", "limit", "status"}),
    ],
)
def test_query_faults_come_together(owner: Person, path: str, names: set[str]) -> None:
    assert set(faults(owner.get(path))) == names


@pytest.mark.parametrize(
    "query", ["", "?status=running,paused", "?limit=100", "?cursor=", "?search=+"]
)
def test_good_queries(owner: Person, query: str) -> None:
    assert owner.get(f"/api/campaigns{query}").status_code == 200


def test_parameters_of_a_campaigns_own_routes(owner: Person) -> None:
    base = f"/api/campaigns/{owner.create()['campaign']['id']}"
    assert set(faults(owner.get(f"{base}/messages?limit=1001&status=done"))) == {"limit", "status"}
    assert set(faults(owner.get(f"{base}/export?format=pdf&page=1"))) == {"format", "page"}
    elsewhere = owner.get(f"{base}/messages?limit=1").get_json()["next_cursor"]
    assert owner.get(f"{base}/messages?cursor={elsewhere}").status_code == 200
    assert set(faults(owner.get(f"/api/campaigns?cursor={elsewhere}"))) == {"cursor"}


@pytest.mark.parametrize(
    "reference", ["0", "-1", "1.5", "9" * 30, "CAMP-", "CAMP-X", "x", "%20", "é", "1;2", "٣"]
)
def test_bad_ids_are_not_found(owner: Person, reference: str) -> None:
    for tail in ("", "/metrics", "/performance", "/messages", "/export"):
        assert owner.get(f"/api/campaigns/{reference}{tail}").status_code == 404
    for move in ("pause", "resume", "cancel"):
        assert owner.post(f"/api/campaigns/{reference}/{move}").status_code == 404
