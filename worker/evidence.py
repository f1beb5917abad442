"""Evidence for doubts: a message of ours at WhatsApp with the same text settles one as sent.

No match proves nothing: saving may be off at the provider. The doubt stays, and is asked about
again at growing distances until its window ends.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import psycopg
from psycopg import Connection

from shared.db import campaign_changes, messages, open_sends
from shared.db import doubts as doubt_rows
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
from worker.deps import Deps, SealedInstance

log = get_logger(__name__)

_AT_ONCE = 50
_NO_LEASE = UUID(int=0)  # a doubt is matched by its attempt; its lease is over


class Doubted(SealedInstance, Protocol):
    """What a search for a doubted message needs to know."""

    @property
    def campaign_id(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def instance_id(self) -> int: ...
    @property
    def phone(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def body(self) -> str: ...
    @property
    def has_image(self) -> bool: ...
    @property
    def lids(self) -> list[str]: ...


def reconcile(deps: Deps) -> int:
    """Ask the provider about doubts that are due; returns how many were settled as sent."""
    with connection(deps.pool) as conn:
        doubts = open_sends.claim_doubts(
            conn, limit=_AT_ONCE, looks_after_seconds=deps.settings.evidence.looks_after_seconds
        )
    if not doubts:
        return 0
    found = look_up_all(deps, doubts)
    failpoint("reconcile_looked_up")
    return sum(_settle_alone(deps, *pair) for pair in zip(doubts, found, strict=True))


def _settle_alone(deps: Deps, doubt: Doubt, matches: Sequence[FoundMessage] | None) -> bool:
    """One doubt that cannot be settled must not cost the others their look."""
    try:
        return settle_found(deps, doubt, matches or ())
    except (psycopg.Error, RapidFlowError):
        log.exception("doubt_not_settled", instance=doubt.name)
        return False


def look_up_all(deps: Deps, doubts: Sequence[Doubted]) -> list[list[FoundMessage] | None]:
    """For each doubt the messages that could be it, oldest first; None: not fully answered."""
    return asyncio.run(_look_up_all(deps, doubts))


async def _look_up_all(deps: Deps, doubts: Sequence[Doubted]) -> list[list[FoundMessage] | None]:
    knobs = deps.settings
    async with EvolutionClient(knobs.evolution_api_url, knobs.delivery) as evolution:
        return await asyncio.gather(*(_look_up(deps, evolution, doubt) for doubt in doubts))


async def _look_up(
    deps: Deps, evolution: EvolutionClient, doubt: Doubted
) -> list[FoundMessage] | None:
    """Same recipient in any form, same text, same kind, in time."""
    since, until = window(deps, doubt.started_at)
    matches: dict[str, FoundMessage] = {}
    answered = True
    for jid in _jids(doubt):
        try:
            rows, whole = await find_own(deps, evolution, doubt, jid, since, until)
        except RapidFlowError as exc:
            log.info("lookup_failed", instance=doubt.name, error=repr(exc))
            answered = False
            continue
        matches.update(_matching(doubt, rows, jid, since, until))
        answered = answered and whole
    if not matches and not answered:
        return None
    return sorted(matches.values(), key=lambda row: row.at)


async def find_own(
    deps: Deps,
    evolution: EvolutionClient,
    row: SealedInstance,
    jid: str,
    since: datetime,
    until: datetime,
) -> tuple[list[FoundMessage], bool]:
    """Our messages to `jid`, newest first, and whether these are all; a search that was cut proves
    nothing about what it does not show, and is told."""
    found, whole = await evolution.find_own_messages(
        deps.credentials(row), jid, since, until, most_pages=deps.settings.evidence.search_pages
    )
    if not whole:
        log.warning("search_cut", instance=row.name, messages=len(found))
        metrics.record_search_cut()
    return found, whole


def _jids(doubt: Doubted) -> list[str]:
    """Every name WhatsApp may know the recipient by."""
    forms = same_person_forms(doubt.phone)
    return [*(f"{form}@s.whatsapp.net" for form in forms), *doubt.lids]


def _matching(
    doubt: Doubted, rows: Iterable[FoundMessage], jid: str, since: datetime, until: datetime
) -> dict[str, FoundMessage]:
    """Checked here as well: filters that Evolution does not understand it passes over."""
    first, last = int(since.timestamp()), until.timestamp()
    return {
        row.provider_id: row
        for row in rows
        if row.remote_jid == jid
        and row.text == doubt.body
        and row.has_image == doubt.has_image
        and first <= row.at <= last
    }


def window(deps: Deps, started_at: datetime) -> tuple[datetime, datetime]:
    """When a message of an attempt may be dated, by the provider's clock."""
    tolerance = timedelta(seconds=deps.settings.evidence.clock_tolerance_seconds)
    call = timedelta(seconds=deps.settings.delivery.call_deadline_seconds)
    return started_at - tolerance, started_at + call + tolerance


def settle_found(deps: Deps, doubt: Doubted, matches: Sequence[FoundMessage]) -> bool:
    """Settle a doubt by what the provider showed, unless all of that belongs to others."""
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
        shown = datetime.fromtimestamp(free[0].at, UTC)
        doubt_rows.note_lookup(conn, doubt.tenant_id, doubt.instance_id, shown)
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

    It wins over a decision made meanwhile, as long as the message has not gone again. Returns the
    events to publish after the commit; empty when someone settled it as sent first.
    """
    tenant_id, campaign_id, position, number = attempt
    verdict = Verdict(VerdictKind.SENT, provider_id=provider_id, remote_jid=remote_jid or None)
    opened = OpenAttempt(tenant_id, campaign_id, position, _NO_LEASE, number)

    def settle() -> list[StoredEvents]:
        return messages.record_verdicts(
            conn,
            [(opened, verdict)],
            quiet_seconds=deps.quiet_seconds,
            duplicate_suspected=duplicate_suspected,
        ).events

    try:  # first, as everywhere: the decision to undo may move the campaign
        campaign_changes.lock(conn, tenant_id, campaign_id)
    except LookupError:
        return []
    told = settle()
    if not told and doubt_rows.recall(conn, *attempt):
        told = settle()
    if not told:
        doubt_rows.adopt(conn, attempt, provider_id, remote_jid)
    if told:
        metrics.record_doubts_settled("sent")
        of_campaign = audiences(conn, told)[campaign_id]
        trace = {"campaign_id": of_campaign.public_id, "request_id": of_campaign.request_id}
        log.info("doubt_settled_as_sent", **trace, position=position)
        if duplicate_suspected:
            metrics.record_duplicate_suspected()
            log.warning("duplicate_suspected", **trace, position=position)
    return told


def matches_open_send(
    deps: Deps, send: OpenSend, text: str, at_unix: float, *, has_image: bool
) -> bool:
    """A `send.message` event is this open send: same text and kind, inside its window."""
    tolerance = deps.settings.evidence.clock_tolerance_seconds
    latest = send.started_unix + deps.settings.delivery.call_deadline_seconds + tolerance
    return (
        send.body == text
        and send.has_image == has_image
        and send.started_unix - tolerance <= at_unix <= latest
    )
