"""What Evolution tells us, and the old workflow's connection test."""

from datetime import timedelta
from typing import Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from api import provider_events
from api.auth import public
from api.body import read_body, read_json
from api.runtime import Runtime, runtime
from shared.db import inbox, instances
from shared.db.instances import WebhookTarget
from shared.db.pool import tenant_transaction
from shared.errors import NotFound, RequestError, Unauthorized
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
        failpoint("webhook_before_commit")
    if stored:
        parts.producer.ring_receipts()
    return {"success": True}


@bp.post("/webhook/prisma-campaign")
@public
def prisma_campaign() -> ResponseReturnValue:
    """`{"test": true}`: the spec's connection test."""
    body = read_json(runtime().settings.http.body_bytes)
    if body != {"test": True}:
        raise RequestError("Só o teste de conexão é aceito aqui por enquanto.", code="only_test")
    return {"success": True, "version": "3.0", "features": list(FEATURES)}


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
