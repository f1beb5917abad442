"""What a campaign would say, before there is one."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import campaign_previews
from api.auth import require
from api.body import read_json
from api.json import json_response
from api.openapi.describe import CAMPAIGNS, describes
from api.openapi.faults import Fault
from api.runtime import runtime
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
