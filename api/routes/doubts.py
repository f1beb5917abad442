"""Messages that may have been sent: listed with their evidence, decided by a person."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import doubts, query
from api.auth import require
from api.body import read_json
from api.openapi.describe import CAMPAIGNS, describes
from api.openapi.faults import CAMPAIGN_NOT_FOUND, Fault
from api.runtime import runtime
from api.schemas.doubts import DecideBody, DoubtPage, DoubtQuery, DoubtsDecided
from shared.db.users import User

bp = Blueprint("doubts", __name__, url_prefix="/api")


@bp.get("/doubts")
@describes(
    "Lista as dúvidas de todas as campanhas",
    CAMPAIGNS,
    description="Mensagens que podem ter sido enviadas, com o que se sabe de cada uma.",
    query=DoubtQuery,
    answers={200: DoubtPage},
)
@require("viewer")
def list_all(user: User) -> ResponseReturnValue:
    """Of the whole tenant, oldest campaign first."""
    return doubts.list_page(runtime(), user, None, query.read(DoubtQuery))


@bp.get("/campaigns/<reference>/doubts")
@describes(
    "Lista as dúvidas da campanha",
    CAMPAIGNS,
    description="Mensagens que podem ter sido enviadas, com o que se sabe de cada uma.",
    query=DoubtQuery,
    answers={200: DoubtPage},
    faults=(CAMPAIGN_NOT_FOUND,),
)
@require("viewer")
def list_of_campaign(user: User, reference: str) -> ResponseReturnValue:
    """In list order."""
    return doubts.list_page(runtime(), user, reference, query.read(DoubtQuery))


@bp.post("/campaigns/<reference>/doubts/decide")
@describes(
    "Decide dúvidas",
    CAMPAIGNS,
    description=(
        "`sent` e `failed` encerram a dúvida; `resend` envia de novo, e uma campanha terminada "
        "recomeça para isso. Uma prova de envio que chegue vale mais que a decisão."
    ),
    body=DecideBody,
    answers={200: DoubtsDecided},
    faults=(
        CAMPAIGN_NOT_FOUND,
        Fault(409, "no_doubts", "Não há dúvidas a decidir."),
        Fault(
            409,
            "doubts_too_young",
            "O Evolution ainda não foi consultado sobre estas mensagens; tente em alguns minutos.",
        ),
        Fault(409, "campaign_cancelled", "A campanha foi cancelada."),
        Fault(409, "campaign_external", "Esta campanha é enviada por um fluxo externo."),
    ),
    idempotent=True,
)
@require("operator")
def decide(user: User, reference: str) -> ResponseReturnValue:
    """Sent, failed or to be sent again."""
    body = DecideBody.model_validate(read_json(runtime().settings.http.body_bytes))
    return doubts.decide(runtime(), user, reference, body)
