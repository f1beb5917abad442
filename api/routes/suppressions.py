"""Suppressions: who asked not to be written to, and whom somebody entered."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import query
from api.auth import current_principal, require
from api.body import read_json
from api.fields import refusal
from api.idempotency import asked_once, once
from api.openapi.describe import SUPPRESSIONS, describes
from api.openapi.faults import Fault
from api.runtime import runtime
from api.schemas.suppressions import (
    SuppressionBody,
    SuppressionPage,
    SuppressionQuery,
    SuppressionsAdded,
    suppression_answer,
)
from api.schemas.words import Done
from shared.db import audit, suppressions
from shared.db.pool import tenant_transaction
from shared.db.users import User
from shared.domain.phone import InvalidPhone, parse_phone
from shared.errors import FieldProblem, Forbidden, NotFound

bp = Blueprint("suppressions", __name__, url_prefix="/api/suppressions")


@bp.get("")
@describes(
    "Lista os descadastros, do mais novo ao mais antigo",
    SUPPRESSIONS,
    query=SuppressionQuery,
    answers={200: SuppressionPage},
)
@require("viewer")
def list_suppressions(user: User) -> ResponseReturnValue:
    """Newest first; `?search=9999&limit=…&cursor=…`. Who sees masked
    numbers cannot search them."""
    asked = query.read(SuppressionQuery)
    masked = user.role == "viewer"
    if masked and asked.search is not None:
        raise Forbidden("Quem só visualiza não busca por telefone.")
    limit, scope = asked.limit, f"suppressions|{user.tenant_id}"
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        found = suppressions.list_suppressions(
            conn,
            user.tenant_id,
            digits=asked.search,
            phone_hash=_hash(user.tenant_id, asked.search),
            before_id=query.open_cursor(asked.cursor, scope),
            limit=limit + 1,
        )
        total = suppressions.count_suppressions(conn, user.tenant_id)
    more = query.next_cursor(scope, found[limit - 1].suppression_id) if len(found) > limit else None
    shown = [suppression_answer(line, masked=masked) for line in found[:limit]]
    return SuppressionPage(success=True, suppressions=shown, total=total, next_cursor=more)


@bp.post("")
@describes(
    "Inclui descadastros",
    SUPPRESSIONS,
    description=(
        "Vale na hora, também para campanhas em andamento. Um telefone ruim: nenhum é incluído. "
        "Quem já está na lista fica como está."
    ),
    body=SuppressionBody,
    answers={201: SuppressionsAdded},
    idempotent=True,
)
@require("operator")
def add_suppressions(user: User) -> ResponseReturnValue:
    """All or nothing: a number that cannot be read is named and nothing is stored."""
    body = SuppressionBody.model_validate(read_json(64 * 1024))
    phones = _canonical(body.telefones)
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:

        def effect() -> SuppressionsAdded:
            added = suppressions.add_suppressions(
                conn, user.tenant_id, phones, "manual", hash_phone=runtime().hash_phone
            )
            actor = current_principal().actor
            audit.record(
                conn,
                user.tenant_id,
                actor=actor,
                action="suppressions_added",
                subject="suppressions",
                detail={"count": added},
            )
            return SuppressionsAdded(success=True, added=added, known=len(phones) - added)

        response, _ = once(conn, asked_once(user.tenant_id), effect, status=201)
    return response


@bp.delete("/<int:suppression_id>")
@describes(
    "Tira um descadastro",
    SUPPRESSIONS,
    description="A pessoa volta a receber: faça-o só se ela pediu. Fica na auditoria.",
    answers={200: Done},
    faults=(Fault(404, "not_found", "Descadastro não encontrado."),),
)
@require("admin")
def remove_suppression(user: User, suppression_id: int) -> ResponseReturnValue:
    """Named by its number, so that no address holds a phone."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        reason = suppressions.remove_suppression(conn, user.tenant_id, suppression_id)
        if reason is None:
            raise NotFound("Descadastro não encontrado.")
        audit.record(
            conn,
            user.tenant_id,
            actor=current_principal().actor,
            action="suppression_removed",
            subject=f"suppression:{suppression_id}",
            detail={"reason": reason},
        )
    return Done(success=True)


def _hash(tenant_id: int, digits: str | None) -> bytes | None:
    """That of the person whose whole number is searched for."""
    if digits is None:
        return None
    try:
        phone = parse_phone(digits, allow_foreign=True).digits
    except InvalidPhone:
        return None
    return runtime().hash_phone(tenant_id, phone)


def _canonical(given: list[str]) -> list[str]:
    """Distinct numbers in the order given. Other countries too, whatever the plan: they are not
    written to."""
    phones: dict[str, None] = {}
    faults = []
    for place, raw in enumerate(given):
        try:
            phones.setdefault(parse_phone(raw, allow_foreign=True).digits)
        except InvalidPhone as error:
            faults.append(FieldProblem(f"telefones[{place}]", str(error), error.reason))
    if faults:
        raise refusal(faults)
    return list(phones)
