"""Opt-outs by API, on a real database."""

from collections.abc import Callable
from typing import Any

import psycopg

from api.runtime import Runtime
from shared.db import suppressions
from tests.integration.api.conftest import Person

Conn = psycopg.Connection[tuple[Any, ...]]


def listed(person: Person, query: str = "") -> list[str | None]:
    answer = person.get(f"/api/suppressions{query}")
    assert answer.status_code == 200, answer.text
    return [line["telefone"] for line in answer.get_json()["suppressions"]]


def add(person: Person, *phones: str) -> dict[str, int]:
    answer = person.post("/api/suppressions", {"telefones": list(phones)})
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def test_the_newest_comes_first_and_is_found_by_a_part_of_it(owner: Person) -> None:
    add(owner, "(11) 98000-0001")
    add(owner, "11 98000 0002", "21 97000-0003")
    assert listed(owner) == ["5521970000003", "5511980000002", "5511980000001"]
    assert listed(owner, "?search=98000-000") == ["5511980000002", "5511980000001"]
    assert owner.get("/api/suppressions?search=joao").status_code == 422


def test_pages_go_on_where_the_last_one_ended(owner: Person) -> None:
    add(owner, *[f"1198000{number:04d}" for number in range(5)])
    seen: list[str] = []
    cursor = ""
    while True:
        page = owner.get(f"/api/suppressions?limit=2{cursor}").get_json()
        seen += [line["telefone"] for line in page["suppressions"]]
        assert page["total"] == 5
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"551198000{number:04d}" for number in reversed(range(5))]


def test_the_same_person_in_another_form_is_known(owner: Person) -> None:
    first = add(owner, "11980000001")
    again = add(owner, "+55 (11) 8000-0001", "11980000001", "11980000002")
    assert (first["added"], first["known"]) == (1, 0)
    assert (again["added"], again["known"]) == (1, 1)


def test_one_bad_number_is_named_and_nothing_is_stored(owner: Person) -> None:
    answer = owner.post("/api/suppressions", {"telefones": ["11980000001", "banana", "123"]})
    assert answer.status_code == 422
    paths = [field["path"] for field in answer.get_json()["error"]["fields"]]
    assert paths == ["telefones[1]", "telefones[2]"]
    assert listed(owner) == []


def test_a_campaign_skips_who_was_added_and_writes_to_who_was_removed(owner: Person) -> None:
    add(owner, "11980000000")
    skipped = owner.create()["validation"]
    assert skipped["reasons"] == {"suppressed": 1}
    number = owner.get("/api/suppressions").get_json()["suppressions"][0]["id"]
    assert owner.ask("DELETE", f"/api/suppressions/{number}").status_code == 200
    assert owner.ask("DELETE", f"/api/suppressions/{number}").status_code == 404
    assert owner.create()["validation"]["skipped"] == 0


def test_roles_and_tenants(owner: Person, person: Callable[..., Person]) -> None:
    add(owner, "11980000001")
    number = owner.get("/api/suppressions").get_json()["suppressions"][0]["id"]
    viewer = person("viewer", tenant=owner.tenant)
    operator = person("operator", tenant=owner.tenant)
    assert listed(viewer) == ["5511*****0001"]
    assert viewer.get("/api/suppressions?search=98").status_code == 403
    assert viewer.post("/api/suppressions", {"telefones": ["1"]}).status_code == 403
    assert operator.ask("DELETE", f"/api/suppressions/{number}").status_code == 403
    stranger = person("owner")
    assert listed(stranger) == []
    assert stranger.ask("DELETE", f"/api/suppressions/{number}").status_code == 404


def test_what_was_done_is_in_the_audit_log_without_phones(owner: Person, engine_conn: Conn) -> None:
    add(owner, "11980000001")
    number = owner.get("/api/suppressions").get_json()["suppressions"][0]["id"]
    owner.ask("DELETE", f"/api/suppressions/{number}")
    rows = engine_conn.execute(
        "SELECT action, subject, detail FROM audit_log WHERE tenant_id = %s ORDER BY number",
        (owner.tenant.tenant_id,),
    ).fetchall()
    assert rows[-2:] == [
        ("suppressions_added", "suppressions", {"count": 1}),
        ("suppression_removed", f"suppression:{number}", {"reason": "manual"}),
    ]


def test_who_was_erased_has_no_number_is_found_by_all_of_it_and_skipped(
    owner: Person, person: Callable[..., Person], parts: Runtime, engine_conn: Conn
) -> None:
    tenant_id = owner.tenant.tenant_id
    add(owner, "11980000000", "11980000001")
    suppressions.erase(engine_conn, tenant_id, "5511980000000", hash_phone=parts.hash_phone)
    for asker in (owner, person("viewer", tenant=owner.tenant)):
        lines = asker.get("/api/suppressions").get_json()["suppressions"]
        assert [line["telefone"] is None for line in lines] == [False, True]
    assert listed(owner, "?search=11 98000-0000") == [None]
    assert listed(owner, "?search=98000-000") == ["5511980000001"]
    assert owner.create()["validation"]["reasons"] == {"suppressed": 2}
    again = add(owner, "(11) 8000-0000")
    assert (again["added"], again["known"]) == (0, 1)


def test_nobody_else_has_the_hash_of_a_tenant(
    owner: Person, person: Callable[..., Person], parts: Runtime, engine_conn: Conn
) -> None:
    elsewhere = person("owner")
    add(owner, "11980000000")
    tenant_id = owner.tenant.tenant_id
    suppressions.erase(engine_conn, tenant_id, "5511980000000", hash_phone=parts.hash_phone)
    assert elsewhere.create()["validation"]["skipped"] == 0
    assert len({parts.hash_phone(tenant, "5511980000000") for tenant in (1, 2)}) == 2
