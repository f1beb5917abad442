"""Reports of an external workflow about its own campaign: the old workflow's three calls."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import callbacks
from api.auth import public
from api.body import read_body, read_json
from api.callbacks import Applied
from api.openapi.describe import CALLBACKS, describes
from api.openapi.faults import CAMPAIGN_NOT_FOUND, Fault
from api.routes.auth import client_address
from api.runtime import runtime
from api.schemas.callbacks import CallbackAnswer, CompleteBody, ProgressBody, StatusBody
from shared.db.external import CallbackTarget

bp = Blueprint("callbacks", __name__, url_prefix="/api/campaigns")

_SECURITY = ({"callbackToken": ()},)
_ABOUT = (
    "Só para campanhas criadas com `executor: external`. Repetir não muda nada. Pare quando "
    "`campaign_status` for `cancelled` ou `paused`."
)
_FAULTS = (
    CAMPAIGN_NOT_FOUND,
    Fault(401, "bad_callback_token", "Falta o token de retorno da campanha."),
    Fault(
        409,
        "not_external",
        "Esta campanha é enviada pelo próprio RapidFlow; retornos externos não mudam nada.",
    ),
    Fault(429, "callbacks_throttled", "Tentativas demais com token errado."),
)


@bp.post("/<reference>/update-status")
@describes(
    "O que houve com um contato",
    CALLBACKS,
    description=_ABOUT,
    body=StatusBody,
    answers={200: CallbackAnswer},
    faults=(
        *_FAULTS,
        Fault(404, "contact_not_found", "Esta campanha não tem contato com este telefone."),
    ),
    security=_SECURITY,
)
@public
def update_status(reference: str) -> ResponseReturnValue:
    """One contact's outcome."""
    target = _target(reference)
    body = StatusBody.model_validate(_json())
    return _answer(callbacks.update_status(runtime(), target, body))


@bp.post("/<reference>/progress")
@describes(
    "Totais até agora",
    CALLBACKS,
    description=_ABOUT,
    body=ProgressBody,
    answers={200: CallbackAnswer},
    faults=_FAULTS,
    security=_SECURITY,
)
@public
def progress(reference: str) -> ResponseReturnValue:
    """Totals so far."""
    target = _target(reference)
    return _answer(callbacks.progress(runtime(), target, ProgressBody.model_validate(_json())))


@bp.post("/<reference>/complete")
@describes(
    "O fluxo terminou",
    CALLBACKS,
    description=_ABOUT,
    body=CompleteBody,
    answers={200: CallbackAnswer},
    faults=_FAULTS,
    security=_SECURITY,
)
@public
def complete(reference: str) -> ResponseReturnValue:
    """The end."""
    target = _target(reference)
    return _answer(callbacks.complete(runtime(), target, CompleteBody.model_validate(_json())))


def _target(reference: str) -> CallbackTarget:
    parts = runtime()
    body = read_body(parts.settings.http.body_bytes)
    return callbacks.find_target(parts, reference, body, client_address())


def _json() -> object:
    return read_json(runtime().settings.http.body_bytes)


def _answer(applied: Applied) -> ResponseReturnValue:
    answer: CallbackAnswer = {
        "success": True,
        "applied": applied.applied,
        "campaign_status": applied.campaign_status,
        "message_status": applied.message_status,
    }
    return dict(answer)
