"""Reports of external workflows: each settles one message, or speaks of the whole campaign.

Only for campaigns created with `executor: external`; for the engine's own they change nothing.
Every report may come twice, late and out of order.
"""

import time
import uuid
from dataclasses import dataclass, replace
from typing import Final

from flask import g, request
from psycopg import Connection

from api.auth import authenticate
from api.runtime import Runtime
from api.schemas.callbacks import CompleteBody, ProgressBody, StatusBody
from shared.db import campaign_changes, campaigns, events, external, messages
from shared.db.endings import end_campaigns
from shared.db.events import StoredEvents
from shared.db.external import CallbackTarget
from shared.db.messages import OpenAttempt
from shared.db.pool import Row, auth_transaction, tenant_transaction
from shared.domain import lifecycle
from shared.domain.delivery import Verdict, VerdictKind
from shared.domain.external import changes, is_settled
from shared.domain.health_score import rates
from shared.domain.phone import InvalidPhone, parse_phone
from shared.errors import (
    InvalidTransition,
    NotFound,
    RateLimited,
    RequestError,
    Unauthorized,
)
from shared.events.publish import publish
from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)

_WRONG_TOKENS: Final = 30  # per address in fifteen minutes
_WINDOW_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Applied:
    """Whether a report changed anything, and how things stand after it."""

    applied: bool
    campaign_status: str
    message_status: str | None = None


def find_target(parts: Runtime, reference: str, body: bytes, address: str) -> CallbackTarget:
    """The external campaign this request may speak of.

    Raises:
        NotFound: no such campaign, or somebody else's.
        InvalidTransition: the engine sends it itself.
        Unauthorized: neither its token nor a signature made with it.
    """
    with auth_transaction(parts.pool) as conn:
        target = external.find_target(conn, reference)
    if target is None or _is_foreign(parts, target):
        raise NotFound("Campanha não encontrada.", code="campaign_not_found")
    if target.executor != "external":
        raise InvalidTransition(
            "Esta campanha é enviada pelo próprio RapidFlow; retornos externos não mudam nada.",
            code="not_external",
        )
    token_of = parts.callback_tokens
    if not token_of.check(
        target.tenant_id, target.public_id, request.headers, body, now=time.time()
    ):
        _count_wrong_token(parts, address)
        raise Unauthorized("Falta o token de retorno da campanha.", code="bad_callback_token")
    return target


def update_status(parts: Runtime, target: CallbackTarget, body: StatusBody) -> Applied:
    """One contact's outcome, idempotent per phone and status.

    Raises:
        NotFound: the campaign has no contact with this phone.
    """
    told: list[StoredEvents] = []
    with tenant_transaction(parts.pool, target.tenant_id) as conn:
        status = campaign_changes.lock(conn, target.tenant_id, target.campaign_id)
        found = external.find_message(conn, target, _phones(body.phone))
        if found is None:
            raise NotFound(
                "Esta campanha não tem contato com este telefone.", code="contact_not_found"
            )
        position, before = found
        if status == "cancelled" or not changes(before, body.said):
            return Applied(applied=False, campaign_status=status, message_status=before)
        told += _started(conn, target)
        told += _settle(conn, target, position, before, body)
        ended = end_campaigns(conn, [(target.tenant_id, target.campaign_id)])
        told += ended
        status = campaigns.get_campaign(conn, target.tenant_id, str(target.campaign_id)).status
    publish(parts.publisher, parts.pool, told)
    after = "sent" if body.said == "sent" else "failed"
    return Applied(applied=True, campaign_status=status, message_status=after)


def progress(parts: Runtime, target: CallbackTarget, body: ProgressBody) -> Applied:
    """Totals so far, told to whoever watches; old or repeated ones change nothing."""
    told: list[StoredEvents] = []
    with tenant_transaction(parts.pool, target.tenant_id) as conn:
        campaign_changes.lock(conn, target.tenant_id, target.campaign_id)
        news = external.report(
            conn, target, position=body.current_position, sent=body.sent, errors=body.errors
        )
        if news:
            told += _started(conn, target)
        campaign = campaigns.get_campaign(conn, target.tenant_id, str(target.campaign_id))
        if news:
            event = lifecycle.progress(
                replace(campaign, sent=body.sent, failed=body.errors),
                processed=body.current_position,
                estimated_seconds_remaining=campaign.eta_seconds,
            )
            told.append(events.append(conn, target.tenant_id, target.campaign_id, [event]))
    publish(parts.publisher, parts.pool, told)
    return Applied(applied=news, campaign_status=campaign.status)


def complete(parts: Runtime, target: CallbackTarget, body: CompleteBody) -> Applied:
    """The workflow is over: what it never reported is in doubt from now on."""
    told: list[StoredEvents] = []
    key = (target.tenant_id, target.campaign_id)
    with tenant_transaction(parts.pool, target.tenant_id) as conn:
        campaign_changes.lock(conn, *key)
        news = external.complete(conn, target, sent=body.total_sent, errors=body.total_errors)
        if news:
            told += _started(conn, target)
            unreported = external.doubt_unreported(conn, target)
            said = {
                "totalSent": body.total_sent,
                "totalErrors": body.total_errors,
                "successRate": rates(body.total_sent, body.total_errors)[0],
            }
            told += end_campaigns(conn, [key], said=said)
            log.info(
                "external_campaign_complete", campaign_id=target.public_id, unreported=unreported
            )
        status = campaigns.get_campaign(conn, target.tenant_id, str(target.campaign_id)).status
    publish(parts.publisher, parts.pool, told)
    return Applied(applied=news, campaign_status=status)


def _settle(
    conn: Connection[Row], target: CallbackTarget, position: int, before: str, body: StatusBody
) -> list[StoredEvents]:
    key = (target.tenant_id, target.campaign_id)
    if is_settled(before):
        campaign_changes.take_back(conn, *key, [before], positions=[position])
    lease = uuid.uuid4()
    number = external.begin(conn, target, position, lease)
    if number is None:
        raise InvalidTransition("A mensagem mudou ao mesmo tempo; repita.", code="message_moved")
    if body.said == "sent" and body.message_text:
        external.keep_text(conn, target, position, body.message_text)
    verdict = (
        Verdict(VerdictKind.SENT)
        if body.said == "sent"
        else Verdict(VerdictKind.FAILED, code="external_error", detail=body.error)
    )
    attempt = OpenAttempt(*key, position, lease, number)
    return messages.record_verdicts(conn, [(attempt, verdict)], quiet_seconds=0.0).events


def _started(conn: Connection[Row], target: CallbackTarget) -> list[StoredEvents]:
    """`campaign_started`, with the first word of the workflow."""
    if not external.start(conn, target):
        return []
    campaign = campaigns.get_campaign(conn, target.tenant_id, str(target.campaign_id))
    reasons = campaigns.list_reasons(conn, target.tenant_id, target.campaign_id)
    event = {
        "event": "campaign_started",
        "totalContacts": campaign.total,
        "validation": {
            "valid": campaign.total - campaign.skipped,
            "skipped": campaign.skipped,
            "reasons": {one.code: one.count for one in reasons if one.kind == "skipped"},
        },
        "estimated_seconds_remaining": None,
        "reopened": False,
    }
    return [events.append(conn, target.tenant_id, target.campaign_id, [event])]


def _phones(raw: str | int) -> list[str]:
    """The canonical digits of a phone, or what was written where that is none of ours."""
    try:
        return [parse_phone(raw, allow_foreign=True).digits]
    except InvalidPhone:
        return [str(raw).strip()]


def _is_foreign(parts: Runtime, target: CallbackTarget) -> bool:
    """A signed-in caller of another tenant finds nothing here, as everywhere."""
    try:
        principal = authenticate(parts)
    except RequestError:
        return False
    g.principal = principal
    return principal.user.tenant_id != target.tenant_id


def _count_wrong_token(parts: Runtime, address: str) -> None:
    allowance = parts.limits.hit(
        "callback_tokens", address, limit=_WRONG_TOKENS, seconds=_WINDOW_SECONDS
    )
    if not allowance.allowed:
        metrics.record_rate_limited("callbacks")
        raise RateLimited(
            "Tentativas demais com token errado.",
            code="callbacks_throttled",
            retry_after_seconds=allowance.reset_seconds,
        )
