"""What may happen to a campaign after its creation: change, retry, copy."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import campaign_changes
from api.auth import require
from api.body import read_json, read_optional_json
from api.openapi.describe import CAMPAIGNS, describes
from api.openapi.faults import CAMPAIGN_NOT_FOUND, Fault
from api.runtime import runtime
from api.schemas.campaign_answers import CampaignCreated, CampaignRetried, CampaignShown
from api.schemas.campaign_changes import ChangeBody, CloneBody, RetryBody
from shared.db.users import User

bp = Blueprint("campaign_changes", __name__, url_prefix="/api/campaigns")


@bp.patch("/<reference>")
@describes(
    "Muda uma campanha que ainda não terminou",
    CAMPAIGNS,
    description=(
        "Só o que for enviado muda. Um intervalo menor vale a partir da última mensagem, um maior "
        "a partir da próxima. `scheduleAt: null` começa agora."
    ),
    body=ChangeBody,
    answers={200: CampaignShown},
    faults=(
        CAMPAIGN_NOT_FOUND,
        Fault(409, "campaign_started", "A campanha já começou; seu início não muda mais."),
        Fault(409, "campaign_completed", "A campanha já terminou."),
        Fault(422, "unknown_instance", "config.instance: instância desconhecida: vendas2."),
    ),
    idempotent=True,
)
@require("operator")
def change(user: User, reference: str) -> ResponseReturnValue:
    """Name, priority, start, delays or numbers of a campaign that has not ended."""
    body = ChangeBody.model_validate(read_json(runtime().settings.http.body_bytes))
    return campaign_changes.change(runtime(), user, reference, body)


@bp.post("/<reference>/retry-failed")
@describes(
    "Tenta de novo o que falhou",
    CAMPAIGNS,
    description="Uma campanha terminada recomeça para isso. `codes` limita aos motivos dados.",
    body=RetryBody,
    body_optional=True,
    answers={200: CampaignRetried},
    faults=(
        CAMPAIGN_NOT_FOUND,
        Fault(409, "nothing_to_retry", "Não há falhas a tentar de novo."),
        Fault(409, "campaign_cancelled", "A campanha foi cancelada."),
        Fault(409, "campaign_external", "Esta campanha é enviada por um fluxo externo."),
    ),
    idempotent=True,
)
@require("operator")
def retry_failed(user: User, reference: str) -> ResponseReturnValue:
    """Send what failed again; an ended campaign starts again for it."""
    body = RetryBody.model_validate(read_optional_json(runtime().settings.http.body_bytes))
    return campaign_changes.retry_failed(runtime(), user, reference, body)


@bp.post("/<reference>/clone")
@describes(
    "Copia uma campanha",
    CAMPAIGNS,
    description="A mesma lista (ou só o que falhou ou não foi enviado), o mesmo texto e ritmo.",
    body=CloneBody,
    body_optional=True,
    answers={201: CampaignCreated},
    faults=(
        CAMPAIGN_NOT_FOUND,
        Fault(409, "nothing_to_clone", "Não há contatos a copiar."),
        Fault(422, "no_sendable_contacts", "Nenhum contato pode receber mensagens."),
        Fault(422, "unknown_instance", "config.instances: instância desconhecida: vendas2."),
    ),
    idempotent=True,
)
@require("operator")
def clone(user: User, reference: str) -> ResponseReturnValue:
    """A new campaign with the list, text and pace of this one."""
    body = CloneBody.model_validate(read_optional_json(runtime().settings.http.body_bytes))
    return campaign_changes.clone(runtime(), user, reference, body)
