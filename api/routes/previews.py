"""What a campaign would say, before there is one."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import campaign_checks, campaign_previews
from api.auth import require
from api.body import read_json
from api.json import json_response
from api.openapi.describe import CAMPAIGNS, describes
from api.openapi.faults import Fault
from api.runtime import runtime
from api.schemas.checks import CheckAnswer, CheckBody, OptionsShown
from api.schemas.previews import PreviewAnswer, PreviewBody
from shared.db.users import User

bp = Blueprint("previews", __name__, url_prefix="/api/campaigns")


@bp.post("/preview")
@describes(
    "Mostra os primeiros textos sem criar nada",
    CAMPAIGNS,
    description="Com `model`, escreve os textos de verdade; nada fica guardado nem é enviado.",
    body=PreviewBody,
    body_limit="4 MiB",
    answers={200: PreviewAnswer},
    faults=(
        Fault(422, "no_sendable_contacts", "Nenhum contato pode receber mensagens."),
        Fault(422, "model_not_allowed", "config.model: modelo desconhecido."),
    ),
)
@require("operator")
def preview_campaign(user: User) -> ResponseReturnValue:
    """The report on the contacts and the first texts; stores nothing."""
    parts = runtime()
    body = PreviewBody.model_validate(read_json(parts.settings.http.campaign_bytes))
    return json_response(campaign_previews.preview(parts, user, body), 200)


@bp.post("/check")
@describes(
    "Confere uma lista de contatos sem criar nada",
    CAMPAIGNS,
    description=(
        "Todos os que seriam pulados, cada um com o motivo, e quem é aceito com ressalva. Uma "
        "lista em que ninguém serve também é uma resposta: `valid` é 0."
    ),
    body=CheckBody,
    body_limit="4 MiB",
    answers={200: CheckAnswer},
)
@require("operator")
def check_contacts(user: User) -> ResponseReturnValue:
    """Every contact that would be skipped and why; stores nothing."""
    parts = runtime()
    body = CheckBody.model_validate(read_json(parts.settings.http.campaign_bytes))
    return json_response(campaign_checks.check(parts, user, body), 200)


@bp.get("/options")
@describes(
    "O que uma campanha nova pode usar",
    CAMPAIGNS,
    description="O texto e o ritmo que valem sem `config`, os modelos e os limites.",
    answers={200: OptionsShown},
)
@require("operator")
def get_options(user: User) -> ResponseReturnValue:
    """Defaults, models and limits of a new campaign."""
    return OptionsShown(success=True, options=campaign_checks.options(runtime(), user))
