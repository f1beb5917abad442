"""Evidence for doubts: a message of ours at WhatsApp with the same text settles one as sent.

No match proves nothing: saving may be off at the provider. The doubt stays, and is asked about
again at growing distances until its window ends.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from psycopg import Connection

from shared.db import messages, open_sends
from shared.db.events import StoredEvents, audiences
from shared.db.messages import OpenAttempt
from shared.db.open_sends import Doubt, OpenSend
from shared.db.pool import Row, connection
from shared.domain.delivery import Verdict, VerdictKind
from shared.domain.phone import same_person_forms
from shared.errors import RapidFlowError
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.evolution import EvolutionClient, FoundMessage
from worker.deps import Deps

log = get_logger(__name__)

_AT_ONCE = 50
_NO_LEASE = UUID(int=0)  # a doubt is matched by its attempt; its lease is over


def reconcile(deps: Deps) -> int:
    """Ask the provider about doubts that are due; returns how many were settled as sent."""
    with connection(deps.pool) as conn:
        doubts = open_sends.claim_doubts(
            conn, limit=_AT_ONCE, looks_after_seconds=deps.settings.evidence.looks_after_seconds
        )
    if not doubts:
        return 0
    found = asyncio.run(_look_up_all(deps, doubts))
    failpoint("reconcile_looked_up")
    return sum(_settle_alone(deps, *pair) for pair in zip(doubts, found, strict=True))


def _settle_alone(deps: Deps, doubt: Doubt, matches: Sequence[FoundMessage]) -> bool:
    """One doubt that cannot be settled must not cost the others their look."""
    try:
        return _settle(deps, doubt, matches)
    except (psycopg.Error, RapidFlowError):
        log.exception("doubt_not_settled", instance=doubt.name)
        return False


async def _look_up_all(deps: Deps, doubts: Sequence[Doubt]) -> list[list[FoundMessage]]:
    knobs = deps.settings
    async with EvolutionClient(knobs.evolution_api_url, knobs.delivery) as evolution:
        return await asyncio.gather(*(_look_up(deps, evolution, doubt) for doubt in doubts))


async def _look_up(deps: Deps, evolution: EvolutionClient, doubt: Doubt) -> list[FoundMessage]:
    """Messages that could be the doubted one: same recipient in any form, same text, in time."""
    since, until = _window(deps, doubt.started_at)
    matches: dict[str, FoundMessage] = {}
    for form in same_person_forms(doubt.phone):
        try:
            rows = await evolution.find_own_messages(
                deps.credentials(doubt), f"{form}@s.whatsapp.net", since, until
            )
        except RapidFlowError as exc:
            log.info("lookup_failed", instance=doubt.name, error=repr(exc))
            continue
        matches.update((row.provider_id, row) for row in rows if row.text == doubt.body)
    return sorted(matches.values(), key=lambda row: row.at)


def _window(deps: Deps, started_at: datetime) -> tuple[datetime, datetime]:
    tolerance = timedelta(seconds=deps.settings.evidence.clock_tolerance_seconds)
    call = timedelta(seconds=deps.settings.delivery.call_deadline_seconds)
    return started_at - tolerance, started_at + call + tolerance


def _settle(deps: Deps, doubt: Doubt, matches: Sequence[FoundMessage]) -> bool:
    if not matches:
        return False
    with connection(deps.pool) as conn:
        taken = open_sends.owned(conn, doubt.instance_id, [match.provider_id for match in matches])
        free = [match for match in matches if match.provider_id not in taken]
        if not free:
            return False
        told = settle_as_sent(
            conn,
            deps,
            (doubt.tenant_id, doubt.campaign_id, doubt.position, doubt.attempt),
            free[0].provider_id,
            free[0].remote_jid,
            duplicate_suspected=len(free) > 1,
        )
    deps.outlet.tell(told)
    return bool(told)


def settle_as_sent(
    conn: Connection[Row],
    deps: Deps,
    attempt: tuple[int, int, int, int],
    provider_id: str,
    remote_jid: str,
    *,
    duplicate_suspected: bool = False,
) -> list[StoredEvents]:
    """in_doubt -> sent by evidence: (tenant id, campaign id, position, attempt number).

    Returns the events to publish after the commit; empty when someone settled it first.
    """
    tenant_id, campaign_id, position, number = attempt
    verdict = Verdict(VerdictKind.SENT, provider_id=provider_id, remote_jid=remote_jid or None)
    opened = OpenAttempt(tenant_id, campaign_id, position, _NO_LEASE, number)
    settlement = messages.record_verdicts(
        conn,
        [(opened, verdict)],
        quiet_seconds=deps.quiet_seconds,
        duplicate_suspected=duplicate_suspected,
    )
    if settlement.events:
        metrics.record_doubts_settled("sent")
        of_campaign = audiences(conn, settlement.events)[campaign_id]
        trace = {"campaign_id": of_campaign.public_id, "request_id": of_campaign.request_id}
        log.info("doubt_settled_as_sent", **trace, position=position)
        if duplicate_suspected:
            log.warning("duplicate_suspected", **trace, position=position)
    return settlement.events


def matches_open_send(deps: Deps, send: OpenSend, text: str, at_unix: float) -> bool:
    """A `send.message` event is this open send: same text, inside the attempt's window."""
    tolerance = deps.settings.evidence.clock_tolerance_seconds
    latest = send.started_unix + deps.settings.delivery.call_deadline_seconds + tolerance
    return send.body == text and send.started_unix - tolerance <= at_unix <= latest
