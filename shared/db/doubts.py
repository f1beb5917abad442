"""Doubts that evidence does not end: listed, decided by a person or a policy, too many of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import audit, campaign_changes, events, messages
from shared.db.events import StoredEvents
from shared.db.messages import OpenAttempt, Settlement
from shared.db.open_sends import OpenSend
from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.domain.delivery import Verdict, VerdictKind
from shared.domain.doubts import MANY, Decision, DoubtPolicy

_SQL = load_sql("doubts.sql")

_NO_LEASE: Final = UUID(int=0)  # a doubt is matched by its attempt; its lease is over
_VERDICTS: Final = {
    "sent": Verdict(VerdictKind.SENT),
    "failed": Verdict(VerdictKind.GIVEN_UP, code="outcome_unknown"),
}
_AUDITED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class DoubtLine:
    """One doubt with what is known of it; `looks` None: its evidence window is over."""

    campaign_id: int
    public_id: str
    position: int
    name: str
    phone: str
    body: str | None
    instance: str | None
    reason: str | None
    detail: str | None
    attempt: int
    started_at: datetime | None
    http_status: int | None
    looks: int | None
    next_look_at: datetime | None
    watched: bool
    lookup_works: bool
    resent_at: datetime | None
    duplicate_suspected: bool


@dataclass(frozen=True, slots=True)
class Picked:
    """A doubt locked for a decision."""

    position: int
    attempt: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A doubt whose campaign takes it for not sent by now."""

    tenant_id: int
    campaign_id: int
    position: int
    attempt: int
    public_id: str


@dataclass(frozen=True, slots=True)
class DueResend:
    """A doubt whose campaign (`campaign`: CAMP-…) sends it again by now. `public_id`, `name` and
    `token` (sealed) are its instance's.

    `lookup_works`: the provider's search has shown something sent after it.
    """

    tenant_id: int
    campaign_id: int
    position: int
    attempt: int
    instance_id: int
    phone: str
    started_at: datetime
    body: str
    has_image: bool
    lids: list[str]
    campaign: str
    public_id: str
    name: str
    token: bytes
    lookup_works: bool


@dataclass(frozen=True, slots=True)
class NewerSend:
    """A message that certainly left an instance."""

    provider_id: str
    remote_jid: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ManyDoubts:
    """A live campaign of `total` messages with more than a few open doubts nobody has seen."""

    tenant_id: int
    campaign_id: int
    public_id: str
    request_id: str | None
    total: int
    doubts: int


def set_policy(
    conn: Connection[Row],
    tenant_id: int,
    campaign_id: int,
    *,
    policy: DoubtPolicy | None,
    after_hours: int | None,
) -> tuple[str, int]:
    """Change what is not None; returns (policy, hours) as they are then.

    Raises:
        LookupError: the campaign is gone.
    """
    params = {**_key(tenant_id, campaign_id), "policy": policy, "after_hours": after_hours}
    row = conn.execute(_SQL["set_policy"], params).fetchone()
    if row is None:
        raise LookupError(f"campaign {campaign_id} is gone")
    return str(row[0]), int(row[1])


def list_page(
    conn: Connection[Row],
    tenant_id: int,
    *,
    campaign_id: int | None,
    after: tuple[int, int],
    limit: int,
) -> list[DoubtLine]:
    """Past (campaign id, position), in that order; `campaign_id` None: of the whole tenant."""
    params = {
        "tenant_id": tenant_id,
        "campaign_id": campaign_id,
        "after_campaign": after[0],
        "after_position": after[1],
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(DoubtLine)) as cur:
        return cur.execute(_SQL["page"], params).fetchall()


def pick(
    conn: Connection[Row],
    tenant_id: int,
    campaign_id: int,
    *,
    positions: Sequence[int] | None,
    looked: bool,
    once: bool = False,
) -> list[Picked]:
    """Lock open doubts, all or those at `positions`, in list order; the campaign is locked before.

    `looked`: only those the provider was asked about. `once`: only those never sent again.
    """
    params = {
        **_key(tenant_id, campaign_id),
        "positions": None if positions is None else list(positions),
        "looked": looked,
        "once": once,
    }
    with conn.cursor(row_factory=class_row(Picked)) as cur:
        return cur.execute(_SQL["pick"], params).fetchall()


def settle(
    conn: Connection[Row],
    doubts: Sequence[tuple[int, int, int, int]],
    decision: Decision,
) -> Settlement:
    """Take doubts for sent or failed without evidence: (tenant id, campaign id, position, attempt).

    Those that evidence has ended by now stay as they are.
    """
    verdict = _VERDICTS[decision]
    opened = [doubted(*doubt) for doubt in doubts]
    return messages.record_verdicts(
        conn, [(attempt, verdict) for attempt in opened], quiet_seconds=0, decided=True
    )


def doubted(tenant_id: int, campaign_id: int, position: int, attempt: int) -> OpenAttempt:
    """A doubt as verdicts name it."""
    return OpenAttempt(tenant_id, campaign_id, position, _NO_LEASE, attempt)


def put_back(
    conn: Connection[Row],
    tenant_id: int,
    campaign_id: int,
    *,
    status: str,
    picked: Sequence[Picked],
) -> StoredEvents:
    """Have picked doubts go again; a campaign that has ended starts again for it.

    `status` is the campaign's as it was locked. Publish what is returned after the commit.
    """
    key = (tenant_id, campaign_id)
    reopened = campaign_changes.reopen(conn, *key)
    positions = [one.position for one in picked]
    count = campaign_changes.take_back(conn, *key, ["in_doubt"], positions=positions)
    event = {"event": "campaign_retried", "count": count, "reopened": reopened, "doubts": True}
    told = events.append(conn, *key, [event])
    if status == "completed":
        campaign_changes.count_reopened(conn, tenant_id)
    return told


def record_decision(
    conn: Connection[Row],
    tenant_id: int,
    public_id: str,
    picked: Sequence[Picked],
    *,
    decision: Decision,
    actor: str,
    why: str | None,
) -> None:
    """Write down who decided what about which attempts; the last thing in its transaction."""
    for start in range(0, len(picked), _AUDITED_AT_ONCE):
        some = picked[start : start + _AUDITED_AT_ONCE]
        audit.record(
            conn,
            tenant_id,
            actor=actor,
            action="doubts_decided",
            subject=public_id,
            detail={
                "decision": decision,
                "why": why,
                "attempts": [[one.position, one.attempt] for one in some],
            },
        )


def record_policy(
    conn: Connection[Row],
    tenant_id: int,
    public_id: str,
    *,
    policy: str,
    after_hours: int,
    actor: str,
) -> None:
    """Write down who chose what becomes of a campaign's doubts."""
    detail = {"policy": policy, "after_hours": after_hours}
    audit.record(
        conn, tenant_id, actor=actor, action="doubt_policy_set", subject=public_id, detail=detail
    )


def claim_given_up(conn: Connection[Row], *, looks: int, limit: int) -> list[GivenUp]:
    """Doubts to give up now, locked; `looks` is how many each must have had."""
    with conn.cursor(row_factory=class_row(GivenUp)) as cur:
        return cur.execute(_SQL["claim_given_up"], {"looks": looks, "limit": limit}).fetchall()


def claim_resends(
    conn: Connection[Row], *, looks: int, limit: int, again_seconds: float
) -> list[DueResend]:
    """Doubts to send again now if a last look finds nothing; tried again after `again_seconds`."""
    params = {"looks": looks, "limit": limit, "again_seconds": again_seconds}
    with conn.cursor(row_factory=class_row(DueResend)) as cur:
        return cur.execute(_SQL["claim_resends"], params).fetchall()


def find_newer_send(
    conn: Connection[Row], tenant_id: int, instance_id: int, after: datetime
) -> NewerSend | None:
    """A message that certainly left the instance after that instant."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "after": after}
    with conn.cursor(row_factory=class_row(NewerSend)) as cur:
        return cur.execute(_SQL["newer_send"], params).fetchone()


def note_lookup(conn: Connection[Row], tenant_id: int, instance_id: int, sent_at: datetime) -> None:
    """The provider's search has shown a message of ours that was sent then."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "sent_at": sent_at}
    conn.execute(_SQL["note_lookup"], params)


def find_decided(
    conn: Connection[Row], tenant_id: int, instance_id: int, phone: str, body: str
) -> OpenSend | None:
    """The newest message with this text to a phone that was decided without evidence."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "phone": phone, "body": body}
    with conn.cursor(row_factory=class_row(OpenSend)) as cur:
        return cur.execute(_SQL["decided"], params).fetchone()


def recall(
    conn: Connection[Row], tenant_id: int, campaign_id: int, position: int, attempt: int
) -> bool:
    """Evidence came after the decision: undo that, so that the message is in doubt again.

    Call it with the campaign locked. False where it was not decided against, or has gone again.
    """
    key = (tenant_id, campaign_id)
    campaign_changes.take_back(
        conn, *key, ["failed"], codes=["outcome_unknown"], positions=[position]
    )
    params = {**_key(*key), "position": position, "attempt": attempt}
    return conn.execute(_SQL["doubt_again"], params).fetchone() is not None


def adopt(
    conn: Connection[Row],
    attempt: tuple[int, int, int, int],
    provider_id: str,
    remote_jid: str,
) -> bool:
    """A message that a person took for sent has its evidence: from now on receipts find it."""
    tenant_id, campaign_id, position, number = attempt
    params = {
        **_key(tenant_id, campaign_id),
        "position": position,
        "attempt": number,
        "provider_id": provider_id,
        "remote_jid": remote_jid or None,
    }
    return conn.execute(_SQL["adopt"], params).rowcount > 0


def list_many(conn: Connection[Row], *, looks: int) -> list[ManyDoubts]:
    """Live campaigns with many doubts that had at least so many looks."""
    with conn.cursor(row_factory=class_row(ManyDoubts)) as cur:
        return cur.execute(_SQL["many"], {"looks": looks, "many": MANY}).fetchall()


def pause(conn: Connection[Row], campaign: ManyDoubts) -> StoredEvents | None:
    """Stop a campaign for its doubts; None where it has ended or was paused meanwhile."""
    key = _key(campaign.tenant_id, campaign.campaign_id)
    if conn.execute(_SQL["pause"], key).fetchone() is None:
        return None
    conn.execute(_SQL["pause_pace"], key)
    event = {
        "event": "campaign_paused",
        "status": "paused",
        "reason": "many_doubts",
        "doubts": campaign.doubts,
    }
    return events.append(conn, campaign.tenant_id, campaign.campaign_id, [event])


def _key(tenant_id: int, campaign_id: int) -> dict[str, int]:
    return {"tenant_id": tenant_id, "campaign_id": campaign_id}
