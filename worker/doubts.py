"""Doubts that evidence did not end: what their campaigns say becomes of them, and campaigns that
must not go on with so many."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import psycopg

from shared.db import campaign_changes, doubts
from shared.db.doubts import DueResend, GivenUp, NewerSend, Picked
from shared.db.events import StoredEvents
from shared.db.pool import connection
from shared.domain.doubts import too_many
from shared.errors import RapidFlowError
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.evolution import EvolutionClient
from worker.deps import Deps
from worker.evidence import find_own, look_up_all, settle_found, window

log = get_logger(__name__)

ACTOR: Final = "policy"
_GIVEN_UP_AT_ONCE: Final = 500
_RESENT_AT_ONCE: Final = 50
_EARLY_SECONDS: Final = 300.0  # doubts that outlive the looks up to here stop a campaign


def apply_policies(deps: Deps) -> int:
    """Pause, give up and send again what is due; returns how many doubts ended or go again."""
    pause_many(deps)
    return give_up(deps) + resend(deps)


def pause_many(deps: Deps) -> int:
    """Pause live campaigns with too many doubts; returns how many."""
    early = sum(after <= _EARLY_SECONDS for after in deps.settings.evidence.looks_after_seconds)
    with connection(deps.pool) as conn:
        found = doubts.list_many(conn, looks=early)
    paused = 0
    for campaign in found:
        if not too_many(campaign.doubts, campaign.total):
            continue
        with connection(deps.pool) as conn:
            told = doubts.pause(conn, campaign)
        if told is None:
            continue
        paused += 1
        deps.outlet.tell([told])
        metrics.record_campaign_paused("many_doubts")
        log.warning(
            "campaign_paused_by_doubts",
            campaign_id=campaign.public_id,
            request_id=campaign.request_id,
            doubts=campaign.doubts,
            total=campaign.total,
        )
    return paused


def give_up(deps: Deps) -> int:
    """Have doubts fail whose campaigns wait no longer; returns how many."""
    with connection(deps.pool) as conn:
        due = doubts.claim_given_up(conn, looks=_all_looks(deps), limit=_GIVEN_UP_AT_ONCE)
        if not due:
            return 0
        settlement = doubts.settle(
            conn,
            [(one.tenant_id, one.campaign_id, one.position, one.attempt) for one in due],
            "failed",
        )
        _audit_given_up(conn, due)
    deps.outlet.tell(settlement.events)
    metrics.record_doubts_settled("given_up", len(due))
    for public_id, some in groupby(due, key=lambda one: one.public_id):
        log.info("doubts_given_up", campaign_id=public_id, count=len(list(some)))
    return len(due)


def _audit_given_up(conn: "psycopg.Connection[tuple[object, ...]]", due: Sequence[GivenUp]) -> None:
    """By tenant: their audit logs are locked in that order everywhere."""
    in_order = sorted(due, key=lambda one: (one.tenant_id, one.campaign_id, one.position))
    for (tenant_id, public_id), some in groupby(
        in_order, key=lambda one: (one.tenant_id, one.public_id)
    ):
        picked = [Picked(one.position, one.attempt) for one in some]
        doubts.record_decision(
            conn, tenant_id, public_id, picked, decision="failed", actor=ACTOR, why="give_up"
        )


def resend(deps: Deps) -> int:
    """Send doubts again whose campaigns say so, after a last look; returns how many.

    Only where that look was answered and showed nothing, and the search is known to work: it shows
    something that the same instance sent later.
    """
    with connection(deps.pool) as conn:
        due = doubts.claim_resends(
            conn,
            looks=_all_looks(deps),
            limit=_RESENT_AT_ONCE,
            again_seconds=deps.settings.evidence.policy_again_seconds,
        )
    if not due:
        return 0
    absent: dict[tuple[int, int], list[DueResend]] = defaultdict(list)
    for doubt, matches in zip(due, look_up_all(deps, due), strict=True):
        if matches is None:
            continue
        if matches and settle_found(deps, doubt, matches):
            continue  # what other messages own is no evidence for this one
        if doubt.lookup_works or _lookup_works(deps, doubt):
            absent[doubt.tenant_id, doubt.campaign_id].append(doubt)
        else:
            log.info("resend_waits_for_lookup", instance=doubt.name)
    return sum(_put_back(deps, some) for _, some in sorted(absent.items()))


def _put_back(deps: Deps, some: Sequence[DueResend]) -> int:
    tenant_id, campaign_id, public_id = some[0].tenant_id, some[0].campaign_id, some[0].campaign
    told: list[StoredEvents] = []
    with connection(deps.pool) as conn:
        status = campaign_changes.lock(conn, tenant_id, campaign_id)
        if status == "cancelled":
            return 0
        picked = doubts.pick(
            conn,
            tenant_id,
            campaign_id,
            positions=[doubt.position for doubt in some],
            looked=True,
            once=True,
        )
        if not picked:
            return 0
        told.append(doubts.put_back(conn, tenant_id, campaign_id, status=status, picked=picked))
        doubts.record_decision(
            conn, tenant_id, public_id, picked, decision="resend", actor=ACTOR, why="resend_once"
        )
    deps.outlet.tell(told)
    metrics.record_doubts_settled("resent", len(picked))
    log.info("doubts_resent", campaign_id=public_id, count=len(picked))
    return len(picked)


def _lookup_works(deps: Deps, doubt: DueResend) -> bool:
    """Ask for something the instance certainly sent after the doubt, and remember that it came."""
    with connection(deps.pool) as conn:
        newer = doubts.find_newer_send(conn, doubt.tenant_id, doubt.instance_id, doubt.started_at)
    if newer is None or not asyncio.run(_is_shown(deps, doubt, newer)):
        return False
    with connection(deps.pool) as conn:
        doubts.note_lookup(conn, doubt.tenant_id, doubt.instance_id, newer.started_at)
    return True


async def _is_shown(deps: Deps, doubt: DueResend, newer: NewerSend) -> bool:
    knobs = deps.settings
    async with EvolutionClient(knobs.evolution_api_url, knobs.delivery) as evolution:
        try:
            rows, _ = await find_own(
                deps, evolution, doubt, newer.remote_jid, *window(deps, newer.started_at)
            )
        except RapidFlowError as exc:
            log.info("lookup_failed", instance=doubt.name, error=repr(exc))
            return False
    return any(row.provider_id == newer.provider_id for row in rows)


def _all_looks(deps: Deps) -> int:
    return len(deps.settings.evidence.looks_after_seconds)
