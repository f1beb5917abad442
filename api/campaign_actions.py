"""Creating, pausing, resuming and cancelling: the transaction, then events and the doorbell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask import Response, g
from psycopg import Connection
from pydantic import ValidationError

from api import campaign_draft as drafts
from api.auth import current_principal, rate_limit_remaining
from api.campaign_faults import Checks, sound_part
from api.fields import field_problems, refusal
from api.idempotency import asked_once, once
from api.json import dump
from api.runtime import Runtime
from api.schemas.callbacks import callback_access
from api.schemas.campaign_answers import CampaignCreated, CampaignShown, RecommendedDelay
from api.schemas.campaigns import CampaignBody, Contact, campaign_answer
from shared.db import (
    campaign_creation,
    campaigns,
    doubts,
    events,
    instances,
    suppressions,
    tenants,
)
from shared.db.campaign_creation import CreatedCampaign, NewCampaign, NewContact
from shared.db.campaigns import Cancelled
from shared.db.events import StoredEvents
from shared.db.instances import NamedInstance
from shared.db.pool import Row, tenant_transaction
from shared.db.tenants import Defaults
from shared.db.users import User
from shared.domain import lifecycle
from shared.domain.contacts import MAX_PROBLEMS, CheckedContacts
from shared.domain.doubts import AFTER_HOURS
from shared.errors import InvalidRequest
from shared.events.publish import publish
from shared.failpoints import failpoint
from shared.observability import metrics, tracing
from shared.observability.logging import get_logger
from shared.security.callbacks import TOKEN_HEADER
from shared.security.tokens import random_name

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign that may be stored: judged contacts, final texts, chosen numbers."""

    defaults: Defaults
    checked: CheckedContacts
    template: str
    model: str | None
    instances: list[NamedInstance]
    rows: list[NewContact]


Move = Literal["pause", "resume", "cancel"]


def read_draft(parts: Runtime, user: User, raw: Any) -> CampaignBody:
    """The body of a new campaign, from JSON as read.

    Raises:
        InvalidRequest: with the faults of its form and those our rows know of, together.
    """
    try:
        return CampaignBody.model_validate(raw)
    except ValidationError as error:
        fields = list(field_problems(error))
        rest = sound_part(raw, error)
    if rest is not None:
        with tenant_transaction(parts.pool, user.tenant_id) as conn:
            try:
                _prepare(conn, parts, user, rest)
            except InvalidRequest as also:
                fields += also.fields
    raise refusal(fields)


def create(
    parts: Runtime, user: User, body: CampaignBody, *, reference: str | None = None
) -> Response:
    """201 with the campaign and the report on its contacts; all rows or none.

    `reference` is the caller's own id: the same one again repeats the answer.

    Raises:
        InvalidRequest: an unknown instance or variable, or nobody to write to.
        InvalidTransition: the tenant has an older campaign with this reference.
    """
    stored: list[StoredEvents] = []
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        response, happened = once(
            conn,
            asked_once(user.tenant_id, reference),
            lambda: _create(conn, parts, user, body, stored, reference),
            status=201,
        )
        failpoint("api_before_commit")
    failpoint("api_after_commit")
    if happened:
        publish(parts.publisher, parts.pool, stored)
        parts.producer.ring_dispatch()
    return _with_callback(parts, user, response) if body.executor == "external" else response


def move(parts: Runtime, user: User, reference: str, action: Move) -> Response:
    """200 with the campaign after the move.

    Raises:
        NotFound: no such campaign.
        InvalidTransition: its state does not allow it.
    """
    stored: list[StoredEvents] = []
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        response, happened = once(
            conn,
            asked_once(user.tenant_id),
            lambda: _move(conn, user, reference, action, stored),
            status=200,
        )
    if happened:
        publish(parts.publisher, parts.pool, stored)
        parts.producer.ring_dispatch()
    return response


def _create(
    conn: Connection[Row],
    parts: Runtime,
    user: User,
    body: CampaignBody,
    stored: list[StoredEvents],
    reference: str | None,
) -> CampaignCreated:
    draft = _prepare(conn, parts, user, body)
    defaults, checked, chosen, rows = draft.defaults, draft.checked, draft.instances, draft.rows
    campaign = _new_campaign(parts, user, body, draft, reference)
    with tracing.creating(campaign.public_id):
        created = campaign_creation.create(conn, user.tenant_id, campaign, rows)
    stored.append(_tell_created(conn, user, campaign, created, rows))
    if campaign.doubt_policy != "hold":
        doubts.record_policy(
            conn,
            user.tenant_id,
            campaign.public_id,
            policy=campaign.doubt_policy,
            after_hours=campaign.doubt_after_hours,
            actor=current_principal().actor,
        )
    log.info("campaign_created", campaign_id=campaign.public_id, **drafts.counts(checked))
    return {
        "success": True,
        "campaign": {
            "id": created.campaign_id,
            "campaign_id": campaign.public_id,
            "name": campaign.name,
            "status": created.status,
            "executor": campaign.executor,
            "reference": campaign.reference,
            "total_contacts": len(rows),
            "waiting_reason": campaign.waiting_reason,
            "scheduled_at": campaign.scheduled_at,
            "created_at": created.created_at,
            "instances": [item.name for item in chosen],
            "queue_position": campaign_creation.queue_position(
                conn,
                user.tenant_id,
                user.user_id,
                created.campaign_id,
                priority=body.priority,
                running_campaigns=defaults.running_campaigns,
            ),
        },
        "validation": drafts.report(checked),
        "recommendedDelay": _recommended_delay(parts, defaults),
        "rateLimitRemaining": rate_limit_remaining(),
    }


def _choose_instances(conn: Connection[Row], user: User, body: CampaignBody) -> list[NamedInstance]:
    """None for a campaign that somebody else sends."""
    if body.executor == "external":
        return []
    names = body.config.instance_names
    found = instances.find_named(conn, user.tenant_id, names or None)
    return drafts.resolve_instances(names, found)


def _recommended_delay(parts: Runtime, defaults: Defaults) -> RecommendedDelay:
    """Seconds between two messages that keep a number safe, in the words of `config`."""
    pacing = parts.settings.pacing
    fastest = 1 / defaults.messages_per_second
    return {
        "delayMin": max(pacing.delay_min_seconds, fastest),
        "delayMax": max(pacing.delay_max_seconds, fastest),
    }


def _with_callback(parts: Runtime, user: User, response: Response) -> Response:
    """The campaign's callback token, made anew for each answer: none is stored."""
    answer = response.get_json()
    public_id = answer["campaign"]["campaign_id"]
    token = parts.callback_tokens.issue(user.tenant_id, public_id)
    answer["callback"] = callback_access(parts.settings.base_url, public_id, token, TOKEN_HEADER)
    response.set_data(dump(answer))
    return response


def _prepare(conn: Connection[Row], parts: Runtime, user: User, body: CampaignBody) -> Draft:
    """What would be stored.

    Raises:
        InvalidRequest: every fault at once: nobody to write to, unknown instances or variables,
            texts that do not fit; at once where `alreadySent` cannot be read.
    """
    checks = Checks()
    defaults = tenants.get_defaults(conn, user.tenant_id)
    reached = drafts.read_already_sent(body.already_sent, foreign=defaults.foreign_numbers)
    checked = judge_list(conn, parts, user, body.contacts, defaults, already_sent=reached)
    chosen: list[NamedInstance] = []
    template, model, rows = "", None, list[NewContact]()
    with checks.check():
        drafts.require_sendable(checked)
    with checks.check():
        chosen = _choose_instances(conn, user, body)
    with checks.check():
        template = drafts.choose_template(body.config, defaults, checked)
        rows = drafts.render_rows(checked, template, has_image=bool(body.config.image_url))
    with checks.check():
        model = drafts.choose_model(body.config, parts.settings)
    checks.refuse()
    return Draft(defaults, checked, template, model, chosen, rows)


def judge_list(
    conn: Connection[Row],
    parts: Runtime,
    user: User,
    contacts: Sequence[Contact],
    defaults: Defaults,
    *,
    already_sent: frozenset[str] = frozenset(),
    max_problems: int = MAX_PROBLEMS,
) -> CheckedContacts:
    """Every row, twice only where somebody on the list must not be written to."""
    foreign = defaults.foreign_numbers
    checked = drafts.judge(
        contacts, frozenset(), foreign=foreign, already_sent=already_sent, max_problems=max_problems
    )
    phones = [entry.phone for entry in checked.sendable()]
    suppressed = suppressions.find_suppressed(
        conn, user.tenant_id, phones, hash_phone=parts.hash_phone
    )
    if suppressed:
        return drafts.judge(
            contacts,
            suppressed,
            foreign=foreign,
            already_sent=already_sent,
            max_problems=max_problems,
        )
    return checked


def _new_campaign(
    parts: Runtime, user: User, body: CampaignBody, draft: Draft, reference: str | None
) -> NewCampaign:
    pace = drafts.choose_pace(body, parts.settings.pacing)
    ours = body.executor == "engine"
    return NewCampaign(
        public_id=random_name("CAMP-"),
        user_id=user.user_id,
        name=body.name,
        priority=body.priority,
        template=draft.template,
        image_url=body.config.image_url,
        delay_min=pace.delay_min,
        delay_max=pace.delay_max,
        gap_seconds=pace.gap_seconds(draft.defaults.messages_per_second),
        scheduled_at=body.schedule_at,
        request_id=g.get("request_id"),
        instance_ids=[item.instance_id for item in draft.instances],
        waiting_reason=drafts.waiting_reason(draft.instances) if ours else None,
        model=draft.model,
        executor=body.executor,
        reference=reference,
        doubt_policy=body.config.doubt_policy or "hold",
        doubt_after_hours=body.config.doubt_after_hours or AFTER_HOURS,
    )


def _tell_created(
    conn: Connection[Row],
    user: User,
    campaign: NewCampaign,
    created: CreatedCampaign,
    rows: list[NewContact],
) -> StoredEvents:
    event = {
        "event": "campaign_created",
        "campaign": {
            "id": created.campaign_id,
            "campaign_id": campaign.public_id,
            "name": campaign.name,
            "status": created.status,
            "total_contacts": len(rows),
        },
    }
    return events.append(conn, user.tenant_id, created.campaign_id, [event])


def _move(
    conn: Connection[Row],
    user: User,
    reference: str,
    action: Move,
    stored: list[StoredEvents],
) -> CampaignShown:
    campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
    event: dict[str, Any]
    more: list[dict[str, Any]] = []
    if action == "cancel":
        cancelled = campaigns.cancel(conn, user.tenant_id, campaign)
        event = {"event": "campaign_cancelled", "cancelled": cancelled.count}
        more = _end_of_cancelled(conn, user, campaign.campaign_id, cancelled)
    elif action == "pause":
        event = {
            "event": "campaign_paused",
            "status": campaigns.pause(conn, user.tenant_id, campaign),
        }
    else:
        status = campaigns.resume(conn, user.tenant_id, campaign)
        event = {"event": "campaign_resumed", "status": status}
    stored.append(events.append(conn, user.tenant_id, campaign.campaign_id, [event, *more]))
    after = campaigns.get_campaign(conn, user.tenant_id, str(campaign.campaign_id))
    log.info(event["event"], campaign_id=campaign.public_id, user_id=user.user_id)
    return {"success": True, "campaign": campaign_answer(after)}


def _end_of_cancelled(
    conn: Connection[Row], user: User, campaign_id: int, cancelled: Cancelled
) -> list[dict[str, Any]]:
    """`progress` jumps; with nothing in flight it is complete, else the engine will say so."""
    after = campaigns.get_campaign(conn, user.tenant_id, str(campaign_id))
    told = []
    if cancelled.count:
        left = None if after.processed < after.total else 0
        told.append(
            lifecycle.progress(after, processed=after.processed, estimated_seconds_remaining=left)
        )
    if cancelled.finished:
        metrics.record_campaigns_ended("cancelled")
        end = after.finished_at or after.read_at
        duration = (end - (after.started_at or after.created_at)).total_seconds()
        told.append(lifecycle.complete(after, status=after.status, duration_seconds=duration))
    return told
