"""Messages that may have been sent: a person looks at them and decides."""

from flask import Response
from psycopg import Connection

from api import query
from api.auth import current_principal
from api.campaign_changes import change_once, require_ours
from api.runtime import Runtime
from api.schemas.campaigns import campaign_answer
from api.schemas.doubts import DecideBody, DoubtPage, DoubtQuery, DoubtsDecided, doubt_answer
from shared.db import campaign_changes, campaigns, doubts
from shared.db.campaigns import Campaign
from shared.db.doubts import Picked
from shared.db.events import StoredEvents
from shared.db.pool import Row, tenant_transaction
from shared.db.users import User
from shared.domain.contacts import MAX_CONTACTS
from shared.errors import InvalidTransition
from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)


def list_page(parts: Runtime, user: User, reference: str | None, asked: DoubtQuery) -> DoubtPage:
    """Doubts of one campaign, or (`reference` None) of all campaigns of the tenant.

    Raises:
        NotFound: no such campaign.
        InvalidRequest: a cursor of another list.
    """
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        number = None
        if reference is not None:
            number = campaigns.get_campaign(conn, user.tenant_id, reference).campaign_id
        scope = f"doubts|{user.tenant_id}|{number or 'all'}"
        after = query.open_cursor(asked.cursor, scope)
        page = doubts.list_page(
            conn,
            user.tenant_id,
            campaign_id=number,
            after=(-1, -1) if after is None else divmod(after, MAX_CONTACTS),
            limit=asked.limit + 1,
        )
    shown, more = page[: asked.limit], None
    if len(page) > asked.limit:
        last = shown[-1]
        more = query.next_cursor(scope, last.campaign_id * MAX_CONTACTS + last.position)
    masked = user.role == "viewer"
    return DoubtPage(
        success=True,
        doubts=[doubt_answer(line, masked=masked) for line in shown],
        next_cursor=more,
    )


def decide(parts: Runtime, user: User, reference: str, body: DecideBody) -> Response:
    """200 with the campaign; doubts that evidence ended meanwhile stay as evidence says.

    Raises:
        NotFound: no such campaign.
        InvalidTransition: nothing is in doubt there, or nothing that may go again yet.
    """
    return change_once(parts, user, lambda conn, told: _decide(conn, user, reference, body, told))


def _decide(
    conn: Connection[Row], user: User, reference: str, body: DecideBody, told: list[StoredEvents]
) -> DoubtsDecided:
    campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
    key = (user.tenant_id, campaign.campaign_id)
    status = campaign_changes.lock(conn, *key)
    again = body.decision == "resend"
    if again:
        require_ours(campaign)
        if status == "cancelled":
            raise InvalidTransition("A campanha foi cancelada.", code="campaign_cancelled")
    picked = doubts.pick(conn, *key, positions=body.positions, looked=again)
    if not picked:
        raise _nothing(conn, campaign, user, body)
    if again:
        told.append(doubts.put_back(conn, *key, status=status, picked=picked))
    else:
        attempts = [(*key, one.position, one.attempt) for one in picked]
        told.extend(doubts.settle(conn, attempts, body.decision).events)
    _note(conn, user, campaign, body, picked)
    after = campaigns.get_campaign(conn, user.tenant_id, str(campaign.campaign_id))
    return {
        "success": True,
        "campaign": campaign_answer(after),
        "decision": body.decision,
        "decided": len(picked),
    }


def _nothing(
    conn: Connection[Row], campaign: Campaign, user: User, body: DecideBody
) -> InvalidTransition:
    """Why no doubt was met: there is none, or the provider was not asked about it yet."""
    key = (user.tenant_id, campaign.campaign_id)
    if body.decision == "resend" and doubts.pick(
        conn, *key, positions=body.positions, looked=False
    ):
        return InvalidTransition(
            "O Evolution ainda não foi consultado sobre estas mensagens; tente em alguns minutos.",
            code="doubts_too_young",
        )
    return InvalidTransition("Não há dúvidas a decidir.", code="no_doubts")


def _note(
    conn: Connection[Row], user: User, campaign: Campaign, body: DecideBody, picked: list[Picked]
) -> None:
    doubts.record_decision(
        conn,
        user.tenant_id,
        campaign.public_id,
        picked,
        decision=body.decision,
        actor=current_principal().actor,
        why=body.note,
    )
    metrics.record_doubts_settled(f"operator_{body.decision}", len(picked))
    log.info(
        "doubts_decided",
        campaign_id=campaign.public_id,
        user_id=user.user_id,
        decision=body.decision,
        count=len(picked),
    )
