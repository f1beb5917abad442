"""After a restore: what went out since the backup is read from the provider, and nothing else goes
before a person has seen what nobody can prove.

Everything an instance wrote since then is read once. A message of ours to a person with the text of
an open message is that message. What is not shown proves nothing, unless the search shows something
older that certainly left; also then only a person has the rest sent.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, Literal

from psycopg import Connection

from shared.db import campaign_changes, open_sends, receipts, restores, suppressions
from shared.db.events import StoredEvents
from shared.db.pool import Row, connection
from shared.db.restores import AskedInstance, Candidate, HeldCampaign, Proof, Restore
from shared.domain.opt_out import is_opt_out
from shared.domain.phone import phone_of_jid
from shared.errors import RapidFlowError
from shared.observability.logging import get_logger
from shared.providers.evolution import EvolutionClient, HistoryMessage
from worker.completion import finish
from worker.deps import Deps
from worker.evidence import find_own

log = get_logger(__name__)

_SETTLED_AT_ONCE: Final = 500

SearchState = Literal["works", "untested", "fails", "no_answer"]
Decision = Literal["nothing_open", "send", "give_up"]
Person = tuple[str, str, bool]
"""(phone, text, with an image)"""


@dataclass(slots=True)
class InstanceHistory:
    """What one number did since the backup, as far as the provider shows it.

    `works`: the search shows a message that certainly left; `fails`: it does not; `untested`: there
    is none to ask for. `strangers`: messages of ours that no campaign here knows.
    """

    instance: AskedInstance
    state: SearchState
    ours: list[HistoryMessage] = field(default_factory=list)
    opted_out: set[str] = field(default_factory=set)
    proven: int = 0
    strangers: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """What is known of a restore after the provider was asked."""

    restore: Restore
    histories: list[InstanceHistory]
    opted_out: int
    held: list[HeldCampaign]

    def is_searchable(self, campaign: HeldCampaign) -> bool:
        """Whether what the provider does not show was probably not sent."""
        mine = [
            history
            for history in self.histories
            if history.instance.tenant_id == campaign.tenant_id
            and (not campaign.instance_ids or history.instance.instance_id in campaign.instance_ids)
        ]
        return bool(mine) and all(history.state == "works" for history in mine)


def seconds_to_wait(deps: Deps, restore: Restore) -> float:
    """How long a call of the old processes may still be under way."""
    return max(0.0, deps.quiet_seconds - restore.age_seconds)


def review(deps: Deps, restore: Restore) -> Review:
    """Ask the provider, settle what it shows as sent, obey opt-outs; may be repeated."""
    with connection(deps.pool) as conn:
        instances = restores.list_instances(conn)
    histories = asyncio.run(_read_all(deps, instances, restore.taken_at))
    opted_out = 0
    for tenant_id, some in groupby(histories, key=lambda one: one.instance.tenant_id):
        opted_out += _review_tenant(deps, tenant_id, list(some))
    with connection(deps.pool) as conn:
        if all(history.state != "no_answer" for history in histories):
            restores.note_review(conn, restore.restore_id)
        held = restores.list_held(conn)
    log.info(
        "restore_reviewed",
        held=len(held),
        proven=sum(history.proven for history in histories),
        unproven=sum(campaign.unproven for campaign in held),
        opted_out=opted_out,
    )
    return Review(restore, histories, opted_out, held)


async def _read_all(
    deps: Deps, instances: Sequence[AskedInstance], taken_at: datetime
) -> list[InstanceHistory]:
    knobs = deps.settings
    async with EvolutionClient(knobs.evolution_api_url, knobs.delivery) as evolution:
        return [await _read(deps, evolution, instance, taken_at) for instance in instances]


async def _read(
    deps: Deps, evolution: EvolutionClient, instance: AskedInstance, taken_at: datetime
) -> InstanceHistory:
    tolerance = timedelta(seconds=deps.settings.evidence.clock_tolerance_seconds)
    since = taken_at - tolerance
    until = datetime.fromtimestamp(time.time(), UTC) + tolerance
    history = InstanceHistory(instance, "no_answer")
    try:
        async for page in evolution.history(deps.credentials(instance), since, until):
            history.ours += [row for row in page if row.from_me]
            history.opted_out |= {
                phone
                for row in page
                if not row.from_me and is_opt_out(row.text) and (phone := _phone_of(row))
            }
        history.state = await _search_state(deps, evolution, instance)
    except RapidFlowError as exc:
        log.warning("history_not_read", instance=instance.name, error=repr(exc))
    history.ours.sort(key=lambda row: (row.at, row.provider_id))
    return history


async def _search_state(
    deps: Deps, evolution: EvolutionClient, instance: AskedInstance
) -> SearchState:
    """Ask for something that certainly left before the backup."""
    if instance.known_id is None or instance.known_jid is None or instance.known_at is None:
        return "untested"
    tolerance = timedelta(seconds=deps.settings.evidence.clock_tolerance_seconds)
    call = timedelta(seconds=deps.settings.delivery.call_deadline_seconds)
    since, until = instance.known_at - call - tolerance, instance.known_at + tolerance
    shown, _ = await find_own(deps, evolution, instance, instance.known_jid, since, until)
    return "works" if any(row.provider_id == instance.known_id for row in shown) else "fails"


def _phone_of(row: HistoryMessage) -> str | None:
    return phone_of_jid(row.remote_jid) or phone_of_jid(row.other_jid)


class _Matcher:
    """Finds the open message each message of the provider is; each is found once."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._by_person: dict[Person, list[Candidate]] = defaultdict(list)
        self._unwritten: dict[str, list[Candidate]] = defaultdict(list)
        self._found: dict[Person, Proof] = {}
        self._by_phone: dict[str, list[Candidate]] = defaultdict(list)
        self.proofs: list[Proof] = []
        self.repeated: set[tuple[int, int]] = set()  # found more than once
        self.written_to: set[tuple[int, int]] = set()  # (campaign id, position): other words
        for candidate in reversed(candidates):  # taken from the end: the oldest first
            if candidate.unwritten:
                self._unwritten[candidate.phone].append(candidate)
            else:
                person = (candidate.phone, candidate.body, candidate.has_image)
                self._by_person[person].append(candidate)
            self._by_phone[candidate.phone].append(candidate)

    def match(self, instance_id: int, phone: str, row: HistoryMessage) -> bool:
        """Whether this is a message we know now."""
        person = (phone, row.text, row.has_image)
        waiting = self._by_person.get(person) or self._unwritten.get(phone)
        if waiting:
            proof = Proof(
                waiting.pop(),
                instance_id,
                row.provider_id,
                row.remote_jid,
                row.text,
                datetime.fromtimestamp(row.at, UTC),
            )
            self._found[person] = proof
            self.proofs.append(proof)
            return True
        if person in self._found:
            found = self._found[person].candidate
            self.repeated.add((found.campaign_id, found.position))
            return True
        self.written_to.update(
            (one.campaign_id, one.position) for one in self._by_phone.get(phone, ())
        )
        return False


def _review_tenant(deps: Deps, tenant_id: int, histories: Sequence[InstanceHistory]) -> int:
    with connection(deps.pool) as conn:
        matcher = _Matcher(restores.list_candidates(conn, tenant_id))
        for history in histories:
            _match(conn, matcher, history)
        opted_out = suppressions.add_suppressions(
            conn,
            tenant_id,
            sorted(set[str]().union(*(one.opted_out for one in histories))),
            "opt_out",
            hash_phone=deps.hash_phone,
        )
    _settle(deps, tenant_id, matcher)
    return opted_out


def _match(conn: Connection[Row], matcher: _Matcher, history: InstanceHistory) -> None:
    instance = history.instance
    for start in range(0, len(history.ours), _SETTLED_AT_ONCE):
        some = history.ours[start : start + _SETTLED_AT_ONCE]
        owned = open_sends.owned(conn, instance.instance_id, [row.provider_id for row in some])
        for row in some:
            if row.provider_id in owned:
                continue
            phone = _phone_of(row) or receipts.phone_of_lid(
                conn, instance.tenant_id, instance.instance_id, row.remote_jid
            )
            if phone and matcher.match(instance.instance_id, phone, row):
                history.proven += 1
                history.state = "works"  # it shows what the backup does not know
            else:
                history.strangers += 1


def _settle(deps: Deps, tenant_id: int, matcher: _Matcher) -> None:
    proven: dict[int, list[Proof]] = defaultdict(list)
    for proof in matcher.proofs:
        proven[proof.candidate.campaign_id].append(proof)
    found = {(proof.candidate.campaign_id, proof.candidate.position) for proof in matcher.proofs}
    written_to: dict[int, int] = defaultdict(int)
    for campaign_id, position in matcher.written_to:
        written_to[campaign_id] += (campaign_id, position) not in found
    for campaign_id in sorted({*proven, *written_to}):
        some = proven[campaign_id]
        for start in range(0, len(some), _SETTLED_AT_ONCE):
            _settle_some(deps, some[start : start + _SETTLED_AT_ONCE], matcher.repeated)
        with connection(deps.pool) as conn:
            restores.note_proven(
                conn,
                tenant_id,
                campaign_id,
                proven=len(some),
                written_to=written_to[campaign_id],
            )


def _settle_some(deps: Deps, proofs: Sequence[Proof], repeated: set[tuple[int, int]]) -> None:
    """By campaign: its status row first, as everywhere."""
    first = proofs[0].candidate
    told: list[StoredEvents] = []
    done: list[tuple[int, int]] = []
    with connection(deps.pool) as conn:
        campaign_changes.lock(conn, first.tenant_id, first.campaign_id)
        for again in (False, True):
            some = [
                proof
                for proof in proofs
                if ((proof.candidate.campaign_id, proof.candidate.position) in repeated) is again
            ]
            if some:
                settlement = restores.settle_proven(conn, some, duplicate_suspected=again)
                told += settlement.events
                done += settlement.done
    deps.outlet.tell(told)
    deps.outlet.tell(finish(deps.pool, done))


def release(deps: Deps, campaign: HeldCampaign, decision: Decision) -> None:
    """Have one campaign go on: what is open goes out (`send`) or is given up."""
    told: list[StoredEvents] = []
    with connection(deps.pool) as conn:
        campaign_changes.lock(conn, campaign.tenant_id, campaign.campaign_id)
        if decision == "give_up":
            told += restores.give_up(conn, campaign)
        resumed = restores.release(conn, campaign, decision=decision)
        told += [resumed] if resumed else []
    deps.outlet.tell(told)
    if decision == "give_up":
        deps.outlet.tell(finish(deps.pool, [(campaign.tenant_id, campaign.campaign_id)]))
    log.info(
        "restored_campaign_released",
        campaign_id=campaign.public_id,
        decision=decision,
        unproven=campaign.unproven,
    )


def open_up(deps: Deps) -> None:
    """Let campaigns start again; those still held are not among them."""
    with connection(deps.pool) as conn:
        restores.open_up(conn)
