"""A database that came out of a backup: held, compared with the provider, released by a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import ClientCursor, Connection
from psycopg.rows import class_row

from shared.db import audit, doubts, events
from shared.db.events import StoredEvents
from shared.db.messages import Settlement, record_verdicts
from shared.db.pool import ENGINE_ROLE, Row
from shared.db.sql import load_sql
from shared.domain.delivery import Verdict, VerdictKind

_SQL = load_sql("restores.sql")

_MARKING: Final = (
    "note",
    "remember_campaigns",
    "hold_campaigns",
    "hold_pace",
    "drop_leases",
    "free_lanes",
    "hold_doubts",
    "ask_instances",
    "end_sessions",
    "end_tokens",
    "audit",
)
_GIVEN_UP_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that is still being looked at; `held` campaigns wait for their release."""

    restore_id: int
    taken_at: datetime
    marked_at: datetime
    reviewed_at: datetime | None
    opened_at: datetime | None
    age_seconds: float
    held: int


@dataclass(frozen=True, slots=True)
class AskedInstance:
    """A number that may have sent since, and a message it certainly sent before (None: none)."""

    tenant_id: int
    instance_id: int
    public_id: str
    name: str
    token: bytes
    known_id: str | None
    known_jid: str | None
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that may have gone out since. `unwritten`: its text is not known."""

    tenant_id: int
    campaign_id: int
    position: int
    phone: str
    body: str
    has_image: bool
    unwritten: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What the provider shows of a candidate."""

    candidate: Candidate
    instance_id: int
    provider_id: str
    remote_jid: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldCampaign:
    """A campaign nobody has released yet.

    `proven` are settled by evidence, `unproven` are open and nobody can prove either way,
    `written_to` of those people got something else since.
    """

    tenant_id: int
    tenant: str
    campaign_id: int
    public_id: str
    name: str
    status_before: str
    pause_before: str | None
    total: int
    sent: int
    proven: int
    written_to: int
    unproven: int
    in_doubt: int
    instance_ids: list[int]


def marking_script(conn: Connection[Row], taken_at: datetime) -> str:
    """SQL that marks the database it runs in, for the transaction that also fills it.

    It begins as the owner of the tables and goes on as the engine.
    """
    cursor = ClientCursor(conn)
    params = {"taken_at": taken_at}
    owner = [_text(cursor, "skip_numbers", params)]
    engine = [_text(cursor, name, params) for name in _MARKING]
    return "\n".join([*owner, f"SET LOCAL ROLE {ENGINE_ROLE};", *engine, "RESET ROLE;"]) + "\n"


def mark(conn: Connection[Row], taken_at: datetime) -> None:
    """Hold everything: the rows of this database are those of `taken_at`. `conn` is the owner's."""
    conn.execute(_SQL["skip_numbers"], {})
    conn.execute(f"SET LOCAL ROLE {ENGINE_ROLE}")
    for name in _MARKING:
        conn.execute(_SQL[name], {"taken_at": taken_at})


def _text(cursor: "ClientCursor[Any]", name: str, params: dict[str, Any]) -> str:
    statement: LiteralString = _SQL[name]
    return cursor.mogrify(statement, params)


def find_current(conn: Connection[Row]) -> Restore | None:
    """The restore whose campaigns still wait, if any."""
    with conn.cursor(row_factory=class_row(Restore)) as cur:
        return cur.execute(_SQL["current"]).fetchone()


def list_instances(conn: Connection[Row]) -> list[AskedInstance]:
    """All numbers of all tenants."""
    with conn.cursor(row_factory=class_row(AskedInstance)) as cur:
        return cur.execute(_SQL["instances"]).fetchall()


def list_candidates(conn: Connection[Row], tenant_id: int) -> list[Candidate]:
    """Oldest campaign first, in list order."""
    with conn.cursor(row_factory=class_row(Candidate)) as cur:
        return cur.execute(_SQL["candidates"], {"tenant_id": tenant_id}).fetchall()


def settle_proven(
    conn: Connection[Row], proofs: Sequence[Proof], *, duplicate_suspected: bool = False
) -> Settlement:
    """Settle candidates of one campaign, which is locked, as sent. Publish after the commit."""
    first = proofs[0].candidate
    key = (first.tenant_id, first.campaign_id)
    by_position = {proof.candidate.position: proof for proof in proofs}
    params = _columns(proofs)
    begun = conn.execute(_SQL["begin"], params).fetchall()
    _count_doubts(conn, *key, sum(moved for _, _, moved in begun))
    settlement = record_verdicts(
        conn,
        [
            (doubts.doubted(*key, position, attempt), _sent(by_position[position]))
            for position, attempt, _ in begun
        ],
        quiet_seconds=0,
        duplicate_suspected=duplicate_suspected,
    )
    conn.execute(_SQL["date"], params)
    return settlement


def _sent(proof: Proof) -> Verdict:
    return Verdict(VerdictKind.SENT, provider_id=proof.provider_id, remote_jid=proof.remote_jid)


def _columns(proofs: Sequence[Proof]) -> dict[str, list[Any]]:
    return {
        "tenant_ids": [proof.candidate.tenant_id for proof in proofs],
        "campaign_ids": [proof.candidate.campaign_id for proof in proofs],
        "positions": [proof.candidate.position for proof in proofs],
        "instance_ids": [proof.instance_id for proof in proofs],
        "ats": [proof.at for proof in proofs],
        "texts": [proof.text for proof in proofs],
    }


def _count_doubts(conn: Connection[Row], tenant_id: int, campaign_id: int, count: int) -> None:
    params = {**_key(tenant_id, campaign_id), "count": count, "attempts": count}
    conn.execute(_SQL["count_doubts"], params)


def note_proven(
    conn: Connection[Row], tenant_id: int, campaign_id: int, *, proven: int, written_to: int
) -> None:
    """`proven` more are settled; `written_to` as the last review saw it."""
    params = {**_key(tenant_id, campaign_id), "proven": proven, "written_to": written_to}
    conn.execute(_SQL["note_proven"], params)


def note_review(conn: Connection[Row], restore_id: int) -> None:
    """The provider was asked about everything."""
    conn.execute(_SQL["note_review"], {"restore_id": restore_id})


def open_up(conn: Connection[Row]) -> None:
    """Let campaigns start again; those held still wait for their own release."""
    conn.execute(_SQL["open"])


def list_held(conn: Connection[Row]) -> list[HeldCampaign]:
    """Newest first."""
    with conn.cursor(row_factory=class_row(HeldCampaign)) as cur:
        return cur.execute(_SQL["held"]).fetchall()


def give_up(conn: Connection[Row], campaign: HeldCampaign) -> list[StoredEvents]:
    """Take everything open of a locked campaign for not sent, without sending it."""
    key = (campaign.tenant_id, campaign.campaign_id)
    told: list[StoredEvents] = []
    conn.execute(_SQL["drop_texts"], _key(*key))
    while True:
        params = {**_key(*key), "limit": _GIVEN_UP_AT_ONCE}
        some = conn.execute(_SQL["begin_unproven"], params).fetchall()
        if not some:
            return told
        conn.execute(_SQL["count_doubts"], {**_key(*key), "count": len(some), "attempts": 0})
        attempts = [(*key, position, attempt) for position, attempt in some]
        told += doubts.settle(conn, attempts, "failed").events


def release(conn: Connection[Row], campaign: HeldCampaign, *, decision: str) -> StoredEvents | None:
    """Have a locked campaign go on as it was; None where it had been paused before the backup.

    Its audit line is the last thing that locks. Publish what is returned after the commit.
    """
    key = (campaign.tenant_id, campaign.campaign_id)
    row = conn.execute(_SQL["release"], _key(*key)).fetchone()
    if row is None:
        return None
    conn.execute(_SQL["note_released"], _key(*key))
    conn.execute(_SQL["release_pace"], _key(*key))
    told = None
    if row[0] != "paused":
        event = {"event": "campaign_resumed", "status": row[0], "restored": True}
        told = events.append(conn, *key, [event])
    audit.record(
        conn,
        campaign.tenant_id,
        actor="command",
        action="restored_campaign_released",
        subject=campaign.public_id,
        detail={"decision": decision, "unproven": campaign.unproven, "proven": campaign.proven},
    )
    return told


def _key(tenant_id: int, campaign_id: int) -> dict[str, int]:
    return {"tenant_id": tenant_id, "campaign_id": campaign_id}
