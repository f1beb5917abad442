"""People of a tenant by API: roles, locking out, the last owner."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.integration.api.conftest import PASSWORD, Person

NEW = "pluma-torre-vidro-4711"
Ask = Callable[..., TestResponse]


def login(person: Person, email: str, password: str = PASSWORD) -> TestResponse:
    return person.client.post("/api/auth/login", json={"email": email, "password": password})


@pytest.fixture
def signed_in() -> Callable[[Person], Ask]:
    """`ask(method, path, json=…)` with an access token: keys may not change people."""

    def sign_in(person: Person) -> Ask:
        token = login(person, person.email).get_json()["access_token"]

        def ask(method: str, path: str, **options: Any) -> TestResponse:
            client = person.client.application.test_client()
            headers = {"Authorization": f"Bearer {token}"}
            return client.open(path, method=method, headers=headers, **options)

        return ask

    return sign_in


def test_a_new_person_signs_in_with_the_role_given(
    owner: Person, signed_in: Callable[[Person], Ask]
) -> None:
    ask = signed_in(owner)
    email = f"ana-{owner.email}"
    made = ask("POST", "/api/users", json={"email": email, "password": NEW, "role": "viewer"})
    assert made.status_code == 201, made.text
    assert made.get_json()["user"]["role"] == "viewer"
    assert login(owner, email, NEW).get_json()["user"]["role"] == "viewer"
    listed = ask("GET", "/api/users").get_json()["users"]
    assert [each["email"] for each in listed] == [owner.email, email]
    assert NEW not in made.text
    again = ask("POST", "/api/users", json={"email": email.upper(), "password": NEW})
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "user_exists")


def test_ones_own_password_is_changed_by_who_knows_it_and_ends_other_sign_ins(
    person: Callable[..., Person], signed_in: Callable[[Person], Ask]
) -> None:
    someone = person("viewer")
    here, elsewhere = signed_in(someone), signed_in(someone)

    def change(current: str, new: str) -> TestResponse:
        body = {"current_password": current, "new_password": new}
        return here("POST", "/api/auth/password", json=body)

    for current, new, path in [
        ("not-the-password", NEW, "current_password"),
        (PASSWORD, "rapidflow12345", "new_password"),
        (PASSWORD, PASSWORD, "new_password"),
    ]:
        refused = change(current, new)
        assert (refused.status_code, refused.get_json()["error"]["fields"][0]["path"]) == (
            422,
            path,
        )
    changed = change(PASSWORD, NEW)
    assert changed.status_code == 200, changed.text
    assert "rapidflow_refresh=" in changed.headers["Set-Cookie"]
    token = changed.get_json()["access_token"]
    fresh = someone.client.application.test_client()
    assert fresh.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert elsewhere("GET", "/api/me").status_code == 401
    assert login(someone, someone.email).status_code == 401
    assert login(someone, someone.email, NEW).status_code == 200


def test_a_password_is_not_guessed_through_an_open_session_nor_changed_by_a_key(
    person: Callable[..., Person], signed_in: Callable[[Person], Ask]
) -> None:
    someone = person("viewer")
    ask = signed_in(someone)
    body = {"current_password": "not-the-password", "new_password": NEW}
    answers = [ask("POST", "/api/auth/password", json=body).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    refused = someone.post("/api/auth/password", json=body)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (403, "key_refused")


def test_who_is_locked_out_is_out_and_may_be_let_in(
    owner: Person, person: Callable[..., Person], signed_in: Callable[[Person], Ask]
) -> None:
    ask, colleague = signed_in(owner), person("operator", tenant=owner.tenant)
    theirs = signed_in(colleague)
    path = f"/api/users/{colleague.tenant.user_id}"
    locked = ask("PATCH", path, json={"disabled": True})
    assert locked.get_json()["user"]["disabled"] is True
    assert theirs("GET", "/api/campaigns").status_code == 401
    assert colleague.get("/api/campaigns").status_code == 401
    assert login(colleague, colleague.email).status_code == 401
    ask("PATCH", path, json={"disabled": False})
    assert login(colleague, colleague.email).status_code == 200


def test_a_new_role_counts_at_once_and_a_new_password_ends_the_old_one(
    owner: Person, person: Callable[..., Person], signed_in: Callable[[Person], Ask]
) -> None:
    ask, colleague = signed_in(owner), person("viewer", tenant=owner.tenant)
    path = f"/api/users/{colleague.tenant.user_id}"
    assert colleague.get("/api/keys").status_code == 403
    assert ask("PATCH", path, json={"role": "operator"}).status_code == 200
    assert colleague.get("/api/keys").status_code == 200
    assert ask("PATCH", path, json={"password": NEW}).status_code == 200
    assert login(colleague, colleague.email).status_code == 401
    assert login(colleague, colleague.email, NEW).status_code == 200
    weak = ask("PATCH", path, json={"password": "rapidflow12345"})
    assert weak.get_json()["error"]["fields"][0]["path"] == "password"


@pytest.mark.parametrize("change", [{"role": "admin"}, {"disabled": True}])
def test_the_last_owner_stays(
    owner: Person, signed_in: Callable[[Person], Ask], change: dict[str, Any]
) -> None:
    path = f"/api/users/{owner.tenant.user_id}"
    refused = signed_in(owner)("PATCH", path, json=change)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "last_owner")
    assert login(owner, owner.email).get_json()["user"]["role"] == "owner"


def test_two_owners_who_demote_each_other_leave_one(
    owner: Person, person: Callable[..., Person], signed_in: Callable[[Person], Ask]
) -> None:
    other = person("owner", tenant=owner.tenant)
    asks = [(signed_in(owner), other), (signed_in(other), owner)]
    answers: list[int] = []

    def demote(ask: Ask, whom: Person) -> None:
        path = f"/api/users/{whom.tenant.user_id}"
        answers.append(ask("PATCH", path, json={"role": "viewer"}).status_code)

    threads = [threading.Thread(target=demote, args=pair) for pair in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 1, answers


def test_only_owners_with_a_password_change_people(
    owner: Person, person: Callable[..., Person], signed_in: Callable[[Person], Ask]
) -> None:
    body = {"email": "x@example.com", "password": NEW}
    by_key = owner.post("/api/users", body)
    assert (by_key.status_code, by_key.get_json()["error"]["code"]) == (403, "key_refused")
    admin = signed_in(person("admin", tenant=owner.tenant))
    assert admin("GET", "/api/users").status_code == 200
    assert admin("POST", "/api/users", json=body).status_code == 403
    operator = signed_in(person("operator", tenant=owner.tenant))
    assert operator("GET", "/api/users").status_code == 403
    stranger = signed_in(person("owner"))
    elsewhere = stranger("PATCH", f"/api/users/{owner.tenant.user_id}", json={"role": "viewer"})
    assert elsewhere.status_code == 404


def test_a_change_names_something(owner: Person, signed_in: Callable[[Person], Ask]) -> None:
    ask, path = signed_in(owner), f"/api/users/{owner.tenant.user_id}"
    assert ask("PATCH", path, json={}).status_code == 422
    assert ask("PATCH", path, json={"email": "a@b"}).status_code == 422
