"""Retrying, cloning and changing campaigns: one transaction, then events and the doorbell."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from psycopg import Connection

from api import campaign_actions, campaign_draft
from api.auth import current_principal
from api.idempotency import asked_once, once
from api.runtime import Runtime
from api.schemas.campaign_answers import CampaignAnswer, CampaignRetried, CampaignShown
from api.schemas.campaign_changes import CLONED, ChangeBody, CloneBody, RetryBody
from api.schemas.campaigns import CampaignBody, ConfigBody, PaceBody, campaign_answer
from shared.db import campaign_changes as rows
from shared.db import campaigns, doubts, events, instances, tenants
from shared.db.campaign_changes import CampaignChange, ListedContact
from shared.db.campaigns import Campaign
from shared.db.events import Event, StoredEvents
from shared.db.pool import Row, tenant_transaction
from shared.db.users import User
from shared.errors import FieldProblem, InvalidRequest, InvalidTransition
from shared.events.publish import publish
from shared.observability.logging import get_logger

log = get_logger(__name__)

_ENDED = frozenset({"completed", "failed", "cancelled"})

Effect = Callable[[Connection[Row], list[StoredEvents]], Mapping[str, Any]]


def retry_failed(parts: Runtime, user: User, reference: str, body: RetryBody) -> Response:
    """200 with the campaign: its failures wait to be sent again, an ended one starts again.

    Raises:
        NotFound: no such campaign.
        InvalidTransition: nothing failed, it was cancelled, or somebody else sends it.
    """
    return change_once(parts, user, lambda conn, told: _retry(conn, user, reference, body, told))


def change(parts: Runtime, user: User, reference: str, body: ChangeBody) -> Response:
    """200 with the campaign; new delays count from the next message on.

    Raises:
        NotFound: no such campaign.
        InvalidRequest: an unknown instance, or delays that do not fit together.
        InvalidTransition: it has ended, or has started and its start was to change.
    """
    return change_once(parts, user, lambda conn, told: _change(conn, user, reference, body, told))


def clone(parts: Runtime, user: User, reference: str, body: CloneBody) -> Response:
    """201 as for a new campaign: the list, text and pace of another one.

    Raises:
        NotFound: no such campaign.
        InvalidRequest: nobody left to write to, or an instance is gone.
    """
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        original = campaigns.get_campaign(conn, user.tenant_id, reference)
        contacts = rows.list_contacts(
            conn, user.tenant_id, original.campaign_id, statuses=CLONED[body.only]
        )
        used = campaigns.list_instances(conn, user.tenant_id, original.campaign_id)
    if not contacts:
        raise InvalidTransition("Não há contatos a copiar.", code="nothing_to_clone")
    names = [instance.name for instance in used]
    return campaign_actions.create(parts, user, _copy(original, body, contacts, names))


def change_once(parts: Runtime, user: User, effect: Effect) -> Response:
    """200 with what `effect` answers; once per key, then its events and the doorbell."""
    told: list[StoredEvents] = []
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        response, happened = once(
            conn, asked_once(user.tenant_id), lambda: effect(conn, told), status=200
        )
    if happened:
        publish(parts.publisher, parts.pool, told)
        parts.producer.ring_dispatch()
    return response


def _retry(
    conn: Connection[Row], user: User, reference: str, body: RetryBody, told: list[StoredEvents]
) -> CampaignRetried:
    campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
    key = (user.tenant_id, campaign.campaign_id)
    require_ours(campaign)
    status = rows.lock(conn, *key)
    if status == "cancelled":
        raise InvalidTransition("A campanha foi cancelada.", code="campaign_cancelled")
    reopened = rows.reopen(conn, *key)
    count = rows.take_back(conn, *key, ["failed"], codes=body.codes)
    if count == 0:
        raise InvalidTransition("Não há falhas a tentar de novo.", code="nothing_to_retry")
    event = {"event": "campaign_retried", "count": count, "reopened": reopened}
    told.append(events.append(conn, *key, [event]))
    if status == "completed":
        rows.count_reopened(conn, user.tenant_id)
    log.info("campaign_retried", campaign_id=campaign.public_id, count=count, reopened=reopened)
    return {"success": True, "campaign": _shown(conn, user, campaign), "retried": count}


def _change(
    conn: Connection[Row], user: User, reference: str, body: ChangeBody, told: list[StoredEvents]
) -> CampaignShown:
    campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
    key = (user.tenant_id, campaign.campaign_id)
    low, high = _delays(campaign, body.config)
    wanted = CampaignChange(
        name=body.name,
        priority=body.priority,
        delay_min=low,
        delay_max=high,
        scheduled_at=body.schedule_at,
        starts_now=body.starts_now,
    )
    if not body.only_doubts and rows.change(conn, *key, wanted) is None:
        raise _too_late(conn, user, campaign)
    if wanted.moves_pace:
        pace = campaign_draft.Pace(
            campaign.delay_min if low is None else low, campaign.delay_max if high is None else high
        )
        defaults = tenants.get_defaults(conn, user.tenant_id)
        rows.change_pace(conn, *key, gap_seconds=pace.gap_seconds(defaults.messages_per_second))
    _change_instances(conn, user, campaign, body.config)
    told.append(events.append(conn, *key, [_changed(body)]))
    _change_doubt_policy(conn, user, campaign, body.config)
    log.info("campaign_changed", campaign_id=campaign.public_id, user_id=user.user_id)
    return {"success": True, "campaign": _shown(conn, user, campaign)}


def _changed(body: ChangeBody) -> Event:
    """What changed, in the words of the request."""
    changed = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {"event": "campaign_changed", "changes": changed}


def _change_instances(
    conn: Connection[Row], user: User, campaign: Campaign, config: PaceBody
) -> None:
    names = config.instance_names
    if not names:
        return
    require_ours(campaign)
    found = campaign_draft.resolve_instances(
        names, instances.find_named(conn, user.tenant_id, names)
    )
    rows.set_instances(
        conn, user.tenant_id, campaign.campaign_id, [item.instance_id for item in found]
    )


def _change_doubt_policy(
    conn: Connection[Row], user: User, campaign: Campaign, config: PaceBody
) -> None:
    """Also of a campaign that has ended: its doubts have not. The audit line is written last."""
    if not config.names_doubts:
        return
    require_ours(campaign)
    policy, hours = doubts.set_policy(
        conn,
        user.tenant_id,
        campaign.campaign_id,
        policy=config.doubt_policy,
        after_hours=config.doubt_after_hours,
    )
    if campaign.doubt_policy != "hold" or policy != "hold":
        doubts.record_policy(
            conn,
            user.tenant_id,
            campaign.public_id,
            policy=policy,
            after_hours=hours,
            actor=current_principal().actor,
        )


def _delays(campaign: Campaign, config: PaceBody) -> tuple[float | None, float | None]:
    """New delays, checked against those that stay."""
    low = campaign.delay_min if config.delay_min is None else config.delay_min
    high = campaign.delay_max if config.delay_max is None else config.delay_max
    if low > high:
        field = "config.delayMax" if config.delay_max is not None else "config.delayMin"
        problem = f"delayMin ({low:g}) não pode ser maior que delayMax ({high:g})"
        raise InvalidRequest(f"{field}: {problem}.", fields=[FieldProblem(field, problem)])
    return config.delay_min, config.delay_max


def _too_late(conn: Connection[Row], user: User, campaign: Campaign) -> InvalidTransition:
    now = campaigns.get_campaign(conn, user.tenant_id, str(campaign.campaign_id))
    if now.status in _ENDED:
        return InvalidTransition("A campanha já terminou.", code=f"campaign_{now.status}")
    return InvalidTransition(
        "A campanha já começou; seu início não muda mais.", code="campaign_started"
    )


def require_ours(campaign: Campaign) -> None:
    """Raises InvalidTransition for a campaign that somebody else sends."""
    if campaign.executor != "engine":
        raise InvalidTransition(
            "Esta campanha é enviada por um fluxo externo.", code="campaign_external"
        )


def _shown(conn: Connection[Row], user: User, campaign: Campaign) -> CampaignAnswer:
    after = campaigns.get_campaign(conn, user.tenant_id, str(campaign.campaign_id))
    return campaign_answer(after)


def _copy(
    original: Campaign, body: CloneBody, contacts: list[ListedContact], names: list[str]
) -> CampaignBody:
    given = body.config.model_dump(exclude_unset=True, by_alias=True)
    numbers = {} if body.config.instance_names or not names else {"instances": names}
    doubtful = {
        "doubtPolicy": original.doubt_policy,
        "doubtAfterHours": original.doubt_after_hours,
    }
    config = {
        "systemPrompt": original.template,
        "imageUrl": original.image_url,
        "delayMin": original.delay_min,
        "delayMax": original.delay_max,
        "model": original.model,
        **({**numbers, **doubtful} if original.executor == "engine" else {}),
        **given,
    }
    return CampaignBody(
        name=body.name or f"{original.name[:247]} (cópia)",
        contacts=[
            {"nome": contact.name, "telefone": contact.phone, **contact.variables}
            for contact in contacts
        ],
        config=ConfigBody.model_validate(config),
        priority=original.priority if body.priority is None else body.priority,
        scheduleAt=body.schedule_at,
        executor=original.executor,
    )
