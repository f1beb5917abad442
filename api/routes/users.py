"""People of a tenant: who signs in, and what they may do."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from psycopg import Connection

from api.auth import current_principal, forget_user, require
from api.body import read_json
from api.idempotency import asked_once, once
from api.openapi.describe import ACCESS, describes
from api.openapi.faults import Fault
from api.runtime import runtime
from api.schemas.users import (
    PersonBody,
    PersonChange,
    PersonList,
    PersonShown,
    person_answer,
)
from shared.db import audit, refresh_tokens, users
from shared.db.pool import Row, tenant_transaction
from shared.db.users import User
from shared.errors import Forbidden, InvalidTransition, NotFound
from shared.security.passwords import check_password

bp = Blueprint("users", __name__, url_prefix="/api/users")

_BODY = 8 * 1024
_NO_KEY = Fault(403, "key_refused", "Uma chave não cuida de pessoas; entre com e-mail e senha.")
_WEAK = Fault(422, "invalid_request", "Esta senha é fácil demais de adivinhar.")


@bp.get("")
@describes("Lista as pessoas", ACCESS, answers={200: PersonList})
@require("admin")
def list_users(user: User) -> ResponseReturnValue:
    """Everybody of the tenant, those locked out too."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        found = users.list_users(conn, user.tenant_id)
    return PersonList(success=True, users=[person_answer(each) for each in found])


@bp.post("")
@describes(
    "Inclui uma pessoa",
    ACCESS,
    description="Quem inclui entrega a senha à pessoa; não com uma chave de API.",
    body=PersonBody,
    body_limit="8 KiB",
    answers={201: PersonShown},
    faults=(
        _NO_KEY,
        _WEAK,
        Fault(409, "user_exists", "Já existe uma conta com este e-mail."),
    ),
    idempotent=True,
)
@require("owner")
def create_user(user: User) -> ResponseReturnValue:
    """One e-mail signs in to one tenant."""
    _refuse_keys()
    body = PersonBody.model_validate(read_json(_BODY))
    check_password(body.password)
    hashed = runtime().passwords.hash(body.password)
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        response, _ = once(
            conn,
            asked_once(user.tenant_id),
            lambda: _create(conn, user, body, hashed),
            status=201,
        )
    return response


@bp.patch("/<int:user_id>")
@describes(
    "Muda papel, acesso ou senha de uma pessoa",
    ACCESS,
    description=(
        "`disabled: true` e uma senha nova encerram as sessões da pessoa em até 30 segundos, "
        "inclusive as abertas. Um cliente nunca fica sem owner."
    ),
    body=PersonChange,
    body_limit="8 KiB",
    answers={200: PersonShown},
    faults=(
        _NO_KEY,
        _WEAK,
        Fault(404, "not_found", "Pessoa não encontrada."),
        Fault(409, "last_owner", "Precisa haver pelo menos um dono que possa entrar."),
    ),
)
@require("owner")
def change_user(user: User, user_id: int) -> ResponseReturnValue:
    """What is named changes, all of it or nothing."""
    _refuse_keys()
    body = PersonChange.model_validate(read_json(_BODY))
    hashed = None
    if body.password is not None:
        check_password(body.password)
        hashed = runtime().passwords.hash(body.password)
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        changed = _change(conn, user, user_id, body, hashed)
    forget_user(runtime(), changed)
    return PersonShown(success=True, user=person_answer(changed))


def _create(conn: Connection[Row], user: User, body: PersonBody, hashed: str) -> PersonShown:
    try:
        user_id = users.create_user(
            conn,
            tenant_id=user.tenant_id,
            email=body.email,
            password_hash=hashed,
            role=body.role,
        )
    except InvalidTransition as exc:
        raise InvalidTransition("Já existe uma conta com este e-mail.", code=exc.code) from exc
    _note(conn, user, user_id, "user_created", {"role": body.role})
    return PersonShown(success=True, user=person_answer(_get(conn, user, user_id)))


def _change(
    conn: Connection[Row], user: User, user_id: int, body: PersonChange, hashed: str | None
) -> User:
    owners = users.lock_owners(conn, user.tenant_id)
    before = _get(conn, user, user_id)
    tenant_id, detail = user.tenant_id, dict[str, object]()
    if body.role is not None and body.role != before.role:
        users.set_role(conn, tenant_id, user_id, body.role)
        detail["role"] = body.role
    if body.disabled is not None and body.disabled != before.disabled:
        users.set_disabled(conn, tenant_id, user_id, disabled=body.disabled)
        detail["disabled"] = body.disabled
    if hashed is not None:
        users.set_password(conn, tenant_id, user_id, hashed)
        detail["new_password"] = True
    if hashed is not None or detail.get("disabled"):
        refresh_tokens.revoke_user(conn, tenant_id, user_id)
    after = _get(conn, user, user_id)
    if owners == [user_id] and (after.role != "owner" or after.disabled):
        raise InvalidTransition(
            "Precisa haver pelo menos um dono que possa entrar.", code="last_owner"
        )
    if detail:
        _note(conn, user, user_id, "user_changed", detail)
    return after


def _get(conn: Connection[Row], user: User, user_id: int) -> User:
    found = users.find_user(conn, user.tenant_id, user_id)
    if found is None:
        raise NotFound("Pessoa não encontrada.")
    return found


def _note(
    conn: Connection[Row], user: User, user_id: int, action: str, detail: dict[str, object]
) -> None:
    actor, subject = current_principal().actor, f"user:{user_id}"
    audit.record(conn, user.tenant_id, actor=actor, action=action, subject=subject, detail=detail)


def _refuse_keys() -> None:
    """A key that leaks must not be able to make itself a person."""
    if current_principal().family_id is None:
        raise Forbidden(
            "Uma chave não cuida de pessoas; entre com e-mail e senha.", code="key_refused"
        )
