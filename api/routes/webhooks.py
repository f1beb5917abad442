"""What Evolution tells us, and the old workflow's own address."""

from datetime import timedelta
from typing import Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from api import campaign_actions, provider_events
from api.auth import public, require
from api.body import read_body, read_json
from api.runtime import Runtime, runtime
from api.schemas.campaign_changes import WebhookBody
from api.schemas.campaigns import CampaignBody
from shared.db import inbox, instances
from shared.db.instances import WebhookTarget
from shared.db.pool import tenant_transaction
from shared.db.users import User
from shared.errors import NotFound, Unauthorized
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
@public
def evolution(public_id: str) -> ResponseReturnValue:
    """Store one event and answer at once; what it means is worked out later.

    400, 401 and 404 end Evolution's repeats, so they are only for what is wrong on its side.
    """
    parts = runtime()
    raw = read_body(parts.settings.http.webhook_bytes)
    tenant_id = provider_events.tenant_of(public_id)
    with tenant_transaction(parts.pool, tenant_id) as conn:
        target = instances.find_webhook_target(conn, tenant_id, public_id)
        if target is None:
            raise NotFound("Instância desconhecida.")
        _check_sender(parts, tenant_id, public_id, target)
        event = provider_events.read(raw, target)
        stored = event is not None and inbox.store(conn, tenant_id, event)
    if stored:
        parts.producer.ring_receipts()
    return {"success": True}


@bp.post("/webhook/prisma-campaign")
@public
def prisma_campaign() -> ResponseReturnValue:
    """The old workflow's address: `{"test": true}` asks whether it works, anything else with an
    API key creates a campaign."""
    given = read_json(runtime().settings.http.campaign_bytes)
    if given == {"test": True}:
        return {"success": True, "version": "3.0", "features": list(FEATURES)}
    return _create_from_webhook(given=given)


@require("operator")
def _create_from_webhook(user: User, given: object) -> ResponseReturnValue:
    body = WebhookBody.model_validate(given)
    reference = None if body.campaign_id is None else str(body.campaign_id)
    campaign = CampaignBody.model_validate(body.as_campaign())
    return campaign_actions.create(runtime(), user, campaign, reference=reference)


def _check_sender(parts: Runtime, tenant_id: int, public_id: str, target: WebhookTarget) -> None:
    secret = parts.sealer.open_sealed(
        target.webhook_secret,
        table="instances",
        column="webhook_secret",
        tenant_id=tenant_id,
        row_id=public_id,
    )
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    good = scheme.lower() == "bearer" and check_webhook_token(token, secret, max_age=_OLDEST)
    if not good:
        raise Unauthorized("Assinatura inválida.", code="bad_webhook_token")
