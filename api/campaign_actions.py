"""Creating, pausing, resuming and cancelling: the transaction, then events and the doorbell."""

from typing import Any, Literal

from flask import Response, g
from psycopg import Connection

from api import campaign_draft as drafts
from api.auth import rate_limit_remaining
from api.idempotency import asked_once, once
from api.runtime import Runtime
from api.schemas.campaigns import CampaignBody, campaign_answer
from shared.db import campaign_creation, campaigns, events, instances, tenants
from shared.db.campaign_creation import CreatedCampaign, NewCampaign, NewContact
from shared.db.events import StoredEvents
from shared.db.instances import NamedInstance
from shared.db.pool import Row, tenant_transaction
from shared.db.tenants import Defaults
from shared.db.users import User
from shared.domain.contacts import CheckedContacts
from shared.events.publish import publish
from shared.failpoints import failpoint
from shared.observability.logging import get_logger
from shared.security.tokens import random_name

log = get_logger(__name__)

Move = Literal["pause", "resume", "cancel"]


def create(parts: Runtime, user: User, body: CampaignBody) -> Response:
    """201 with the campaign and the report on its contacts; all rows or none.

    Raises:
        InvalidRequest: an unknown instance or variable, or nobody to write to.
    """
    stored: list[StoredEvents] = []
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        response, happened = once(
            conn,
            asked_once(user.tenant_id),
            lambda: _create(conn, parts, user, body, stored),
            status=201,
        )
        failpoint("api_before_commit")
    failpoint("api_after_commit")
    if happened:
        publish(parts.publisher, parts.pool, stored)
        parts.producer.ring_dispatch()
    return response


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
) -> dict[str, Any]:
    defaults = tenants.get_defaults(conn, user.tenant_id)
    checked = _judge(conn, user, body, defaults)
    drafts.require_sendable(checked)
    names = body.config.instance_names
    found = instances.find_named(conn, user.tenant_id, names or None)
    chosen = drafts.resolve_instances(names, found)
    template = drafts.choose_template(body, defaults, checked)
    rows = drafts.render_rows(checked, template, has_image=bool(body.config.image_url))
    campaign = _new_campaign(parts, user, body, defaults, template, chosen)
    created = campaign_creation.create(conn, user.tenant_id, campaign, rows)
    stored.append(_tell_created(conn, user, campaign, created, rows))
    log.info("campaign_created", campaign_id=campaign.public_id, **drafts.counts(checked))
    return {
        "success": True,
        "campaign": {
            **_short(campaign, created),
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
        "rateLimitRemaining": rate_limit_remaining(),
    }


def _judge(
    conn: Connection[Row], user: User, body: CampaignBody, defaults: Defaults
) -> CheckedContacts:
    """Twice only where somebody on the list must not be written to."""
    checked = drafts.judge(body, frozenset(), foreign=defaults.foreign_numbers)
    phones = [entry.phone for entry in checked.sendable()]
    suppressed = campaign_creation.find_suppressed(conn, user.tenant_id, phones)
    if suppressed:
        return drafts.judge(body, suppressed, foreign=defaults.foreign_numbers)
    return checked


def _new_campaign(
    parts: Runtime,
    user: User,
    body: CampaignBody,
    defaults: Defaults,
    template: str,
    chosen: list[NamedInstance],
) -> NewCampaign:
    pace = drafts.choose_pace(body, parts.settings.pacing)
    return NewCampaign(
        public_id=random_name("CAMP-"),
        user_id=user.user_id,
        name=body.name,
        priority=body.priority,
        template=template,
        image_url=body.config.image_url,
        delay_min=pace.delay_min,
        delay_max=pace.delay_max,
        gap_seconds=pace.gap_seconds(defaults.messages_per_second),
        scheduled_at=body.schedule_at,
        request_id=g.get("request_id"),
        instance_ids=[item.instance_id for item in chosen],
        waiting_reason=drafts.waiting_reason(chosen),
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
        "campaign": {**_short(campaign, created), "total_contacts": len(rows)},
    }
    return events.append(conn, user.tenant_id, created.campaign_id, [event])


def _short(campaign: NewCampaign, created: CreatedCampaign) -> dict[str, Any]:
    return {
        "id": created.campaign_id,
        "campaign_id": campaign.public_id,
        "name": campaign.name,
        "status": created.status,
    }


def _move(
    conn: Connection[Row],
    user: User,
    reference: str,
    action: Move,
    stored: list[StoredEvents],
) -> dict[str, Any]:
    campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
    event: dict[str, Any]
    if action == "cancel":
        cancelled = campaigns.cancel(conn, user.tenant_id, campaign)
        event = {"event": "campaign_cancelled", "cancelled": cancelled.count}
    elif action == "pause":
        event = {
            "event": "campaign_paused",
            "status": campaigns.pause(conn, user.tenant_id, campaign),
        }
    else:
        status = campaigns.resume(conn, user.tenant_id, campaign)
        event = {"event": "campaign_resumed", "status": status}
    stored.append(events.append(conn, user.tenant_id, campaign.campaign_id, [event]))
    after = campaigns.get_campaign(conn, user.tenant_id, str(campaign.campaign_id))
    log.info(event["event"], campaign_id=campaign.public_id, user_id=user.user_id)
    return {"success": True, "campaign": campaign_answer(after)}
