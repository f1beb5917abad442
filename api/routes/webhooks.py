"""What Evolution tells us, and the old workflow's own address."""

from datetime import timedelta
from typing import Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from api import campaign_actions, provider_events
from api.auth import public, require
from api.body import read_body, read_json
from api.idempotency import given_key
from api.openapi.describe import CALLBACKS, describes
from api.openapi.faults import FORBIDDEN, RATE_LIMITED, UNAUTHORIZED, UNAVAILABLE, Fault
from api.runtime import runtime
from api.schemas.campaign_answers import CampaignCreated
from api.schemas.campaign_changes import WebhookBody
from api.schemas.health import ConnectionTest
from api.schemas.webhooks import ProviderEvent, WorkflowBody
from api.schemas.words import Done
from shared.db import inbox
from shared.db.users import User
from shared.errors import NotFound, Unauthorized
from shared.failpoints import failpoint
from shared.security.tokens import check_webhook_token

bp = Blueprint("webhooks", __name__)

FEATURES: Final = (
    "WebSocket",
    "Analytics",
    "Rate Limiting",
    "Validation",
    "Retry with Exponential Backoff",
    "Circuit Breaker",
    "Structured Logging",
    "Health Score",
)
_OLDEST: Final = timedelta(minutes=45)  # one token serves all repeats of an event


@bp.post("/webhooks/evolution/<public_id>")
@describes(
    "Recebe um evento do Evolution",
    CALLBACKS,
    description="Configurado pelo RapidFlow em cada instância; guarda e responde na hora.",
    body=ProviderEvent,
    body_limit="1 MiB",
    answers={200: Done},
    faults=(
        Fault(401, "bad_webhook_token", "Assinatura inválida."),
        Fault(404, "not_found", "Instância desconhecida."),
        *UNAVAILABLE,
    ),
    security=({"instanceWebhook": ()},),
)
@public
def evolution(public_id: str) -> ResponseReturnValue:
    """Store one event and answer at once; what it means is worked out later.

    400, 401 and 404 end Evolution's repeats, so they are only for what is wrong on its side.
    """
    parts = runtime()
    raw = read_body(parts.settings.http.webhook_bytes)
    tenant_id = provider_events.tenant_of(public_id)
    known = parts.webhook_targets.find(tenant_id, public_id)
    if known is None:
        raise NotFound("Instância desconhecida.")
    _check_sender(known.secret)
    event = provider_events.read(raw, known.target)
    failpoint("webhook_before_commit")
    if event is not None and inbox.store(parts.pool, tenant_id, event):
        parts.producer.ring_receipts()
    return Done(success=True)


@bp.post("/webhook/prisma-campaign")
@describes(
    "Endereço do fluxo antigo: teste de conexão, ou uma campanha",
    CALLBACKS,
    description=(
        '`{"test": true}` responde sem credencial. Qualquer outro corpo precisa de uma chave de '
        "API e cria uma campanha; o mesmo `campaignId` de novo não cria outra."
    ),
    body=WorkflowBody,
    body_limit="4 MiB",
    answers={200: ConnectionTest, 201: CampaignCreated},
    faults=(
        *UNAUTHORIZED,
        FORBIDDEN,
        RATE_LIMITED,
        Fault(409, "campaign_exists", "Já existe uma campanha com o id 'CAMP-123'."),
        Fault(422, "no_sendable_contacts", "Nenhum contato pode receber mensagens."),
    ),
    idempotent=True,
    security=({}, {"apiKey": ()}),
)
@public
def prisma_campaign() -> ResponseReturnValue:
    """`{"test": true}` asks whether it works; any other body creates a campaign and needs an API
    key. `campaignId` is the caller's own id: sent twice, the campaign is made once."""
    given_key()
    given = read_json(runtime().settings.http.campaign_bytes)
    if given == {"test": True}:
        return ConnectionTest(success=True, version="3.0", features=list(FEATURES))
    return _create_from_webhook(given=given)


@require("operator")
def _create_from_webhook(user: User, given: object) -> ResponseReturnValue:
    body = WebhookBody.model_validate(given)
    reference = None if body.campaign_id is None else str(body.campaign_id)
    campaign = campaign_actions.read_draft(runtime(), user, body.as_campaign())
    return campaign_actions.create(runtime(), user, campaign, reference=reference)


def _check_sender(secret: str) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    good = scheme.lower() == "bearer" and check_webhook_token(token, secret, max_age=_OLDEST)
    if not good:
        raise Unauthorized("Assinatura inválida.", code="bad_webhook_token")
