"""Erasure of what is stored about a person (LGPD)."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import query
from api.auth import current_principal, require
from api.body import read_json
from api.fields import refusal
from api.idempotency import asked_once, once
from api.openapi.describe import ACCESS, describes
from api.openapi.faults import Fault
from api.runtime import runtime
from api.schemas.erasures import (
    ErasureBody,
    ErasureList,
    ErasureQuery,
    ErasureShown,
    erasure_answer,
)
from shared.db import erasures
from shared.db.pool import tenant_transaction
from shared.db.users import User
from shared.domain.phone import InvalidPhone, parse_phone
from shared.errors import FieldProblem, Forbidden

bp = Blueprint("erasures", __name__, url_prefix="/api/erasures")

_BODY = 8 * 1024
_REFUSED = "Uma chave não apaga dados de pessoas; entre com e-mail e senha."


@bp.get("")
@describes(
    "Lista os pedidos de apagamento",
    ACCESS,
    description="Os mais novos primeiro. Nenhum diz de quem é.",
    query=ErasureQuery,
    answers={200: ErasureList},
)
@require("owner")
def list_erasures(user: User) -> ResponseReturnValue:
    """The newest; `done_at` is null while something of theirs is on its way."""
    asked = query.read(ErasureQuery)
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        found = erasures.list_newest(conn, user.tenant_id, limit=asked.limit)
    return ErasureList(success=True, erasures=[erasure_answer(each) for each in found])


@bp.post("")
@describes(
    "Apaga os dados de uma pessoa",
    ACCESS,
    description=(
        "Nome, telefone, variáveis e textos somem de todas as campanhas; os totais ficam. A pessoa "
        "não recebe mais nada: o que espera envio é pulado na hora, e o que está em dúvida, depois "
        "de um dia sem prova de envio. Do telefone fica só um resumo cifrado, que a reconhece se "
        "vier em outra lista. Não há volta; não com uma chave de API."
    ),
    body=ErasureBody,
    body_limit="8 KiB",
    answers={201: ErasureShown},
    faults=(
        Fault(403, "key_refused", _REFUSED),
        Fault(422, "invalid_request", "telefone: este número não existe."),
    ),
    idempotent=True,
)
@require("owner")
def request_erasure(user: User) -> ResponseReturnValue:
    """Asked for here, done by the engine within moments, or once nothing of theirs is open."""
    if current_principal().family_id is None:
        raise Forbidden(_REFUSED, code="key_refused")
    body = ErasureBody.model_validate(read_json(_BODY))
    try:
        phone = parse_phone(body.telefone, allow_foreign=True).digits
    except InvalidPhone as error:
        raise refusal([FieldProblem("telefone", str(error), error.reason)]) from error
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:

        def effect() -> ErasureShown:
            made = erasures.request(
                conn,
                user.tenant_id,
                phone,
                actor=current_principal().actor,
                hash_phone=runtime().hash_phone,
            )
            return ErasureShown(success=True, erasure=erasure_answer(made))

        response, _ = once(conn, asked_once(user.tenant_id), effect, status=201)
    return response
