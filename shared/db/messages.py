"""Messages on their way: leased, begun, settled. The state machine of reliability section 2 is the
`WHERE` of each statement: no row back means someone else won."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.events import StoredEvents
from shared.db.pool import Row
from shared.db.slow import TimedRawCursor
from shared.db.sql import load_sql, positional
from shared.db.suppressions import HashPhone
from shared.domain.delivery import Verdict
from shared.domain.pacing import min_gap, tolerance
from shared.domain.reasons import words

_SQL = load_sql("messages.sql")
_BEGIN = positional(_SQL["begin_attempts"])
_RECORD = positional(_SQL["record_verdicts"])

MessageKey = tuple[int, int, int]
"""(tenant id, campaign id, position)"""


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """One leased message with all its send needs. Seconds count from the moment it was loaded."""

    tenant_id: int
    campaign_id: int
    position: int
    instance_id: int
    attempts: int
    failures: int
    slot_in_seconds: float
    lease_seconds: float
    name: str
    phone: str
    body: str
    image_url: str | None
    public_id: str
    user_id: int
    request_id: str | None
    messages_per_second: float
    burst_per_second: int
    shared_pace: bool
    """Its campaign is on several numbers, so perhaps in several workers at once."""

    @property
    def min_gap(self) -> float:
        """Seconds two messages of its campaign are always apart."""
        return min_gap(self.messages_per_second, self.burst_per_second)

    @property
    def trace(self) -> dict[str, str | None]:
        """What a log line about it carries: its campaign, and the request that created that."""
        return {"campaign_id": self.public_id, "request_id": self.request_id}


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that has begun: what its verdict must match."""

    tenant_id: int
    campaign_id: int
    position: int
    lease_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Released:
    """A leased message that was not begun, why where that is shown, and how long it waits."""

    message: LeasedMessage
    lease_id: UUID
    reason: str | None = None
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stand:
    """A campaign's counters after a statement that processed `done` of its messages."""

    campaign_id: int
    total: int
    processed: int
    sent: int
    failed: int
    in_doubt: int
    done: int

    @property
    def passed_a_tenth(self) -> bool:
        """Whether another tenth of the campaign was completed; true once for each."""
        before = self.processed - self.done
        return 10 * self.processed // self.total > 10 * before // self.total


@dataclass(frozen=True, slots=True)
class Settlement:
    """What `record_verdicts` did: events to publish, campaigns with nothing open any more, and
    where each campaign stands."""

    events: list[StoredEvents]
    done: list[tuple[int, int]]  # (tenant id, campaign id)
    stands: list[Stand]


@dataclass(frozen=True, slots=True)
class Recount:
    """Messages of a campaign by state, counted from the rows."""

    total: int
    pending: int
    leased: int
    sending: int
    sent: int
    failed: int
    in_doubt: int
    cancelled: int
    skipped: int


def load_leased(
    conn: Connection[Row], lease_id: UUID, keys: Sequence[MessageKey]
) -> list[LeasedMessage]:
    """The messages of a batch that this lease still owns, in slot order."""
    params = {"lease_id": lease_id, **_columns(keys)}
    with conn.cursor(row_factory=class_row(LeasedMessage)) as cur:
        return cur.execute(_SQL["load_leased"], params).fetchall()


def begin_attempts(
    conn: Connection[Row],
    wanted: Sequence[tuple[LeasedMessage, UUID]],
    *,
    hash_phone: HashPhone,
    open_seconds: float,
) -> dict[tuple[int, int], int]:
    """Open an attempt for each message that may go out now: {(campaign id, position): attempt}.

    `open_seconds` is how long the attempt may stay open before the sweep takes it for dead. Those
    missing from the answer must not be sent; `held_back` says why.
    """
    params = {
        **_wanted(wanted, hash_phone),
        "open_seconds": open_seconds,
        "tolerances": [tolerance(message.min_gap) for message, _ in wanted],
    }
    with TimedRawCursor(conn) as cur:
        rows = cur.execute(_BEGIN.text, _BEGIN.values(params)).fetchall()
    return {(campaign_id, position): attempt for campaign_id, position, attempt in rows}


def push_ceiling(conn: Connection[Row], message: LeasedMessage) -> None:
    """The shared ceiling leaves one gap more, from now at the earliest: this message came late."""
    params = {
        "tenant_id": message.tenant_id,
        "campaign_id": message.campaign_id,
        "gap_seconds": message.min_gap,
    }
    conn.execute(_SQL["push_ceiling"], params)


def held_back(
    conn: Connection[Row],
    messages: Sequence[tuple[LeasedMessage, UUID]],
    *,
    hash_phone: HashPhone,
) -> dict[tuple[int, int], str]:
    """Why messages did not begin: lease_lost, suppressed, open_send, too_soon or a status."""
    rows = conn.execute(_SQL["held_back"], _wanted(messages, hash_phone)).fetchall()
    return {(campaign_id, position): reason for campaign_id, position, reason in rows}


def release(conn: Connection[Row], released: Sequence[Released]) -> None:
    """Hand leased messages back to the queue, their attempts intact; locked in key order."""
    released = sorted(released, key=lambda one: _key(one.message))
    params = {
        **_columns([_key(one.message) for one in released]),
        "lease_ids": [one.lease_id for one in released],
        "reasons": [one.reason for one in released],
        "waits": [one.wait_seconds for one in released],
    }
    conn.execute(_SQL["release"], params)


def record_verdicts(
    conn: Connection[Row],
    verdicts: Sequence[tuple[OpenAttempt, Verdict]],
    *,
    quiet_seconds: float,
    duplicate_suspected: bool = False,
    decided: bool = False,
) -> Settlement:
    """Settle attempts and all that moves with them; verdicts that come too late change nothing.

    `quiet_seconds` after its start, a doubt is first looked up at the provider. `decided`: doubts
    settled by a person or a policy, not by evidence.
    """
    params = {
        **_columns([(a.tenant_id, a.campaign_id, a.position) for a, _ in verdicts]),
        "lease_ids": [attempt.lease_id for attempt, _ in verdicts],
        "attempts": [attempt.attempt for attempt, _ in verdicts],
        "kinds": [verdict.kind.value for _, verdict in verdicts],
        "codes": [verdict.code for _, verdict in verdicts],
        "words": [words(verdict.code) for _, verdict in verdicts],
        "details": [verdict.detail for _, verdict in verdicts],
        "http_statuses": [verdict.http_status for _, verdict in verdicts],
        "provider_ids": [verdict.provider_id for _, verdict in verdicts],
        "jids": [verdict.remote_jid for _, verdict in verdicts],
        "waits": [verdict.wait_seconds for _, verdict in verdicts],
        "durations": [verdict.duration_seconds for _, verdict in verdicts],
        "duplicates": [duplicate_suspected] * len(verdicts),
        "quiet_seconds": quiet_seconds,
        "decided": decided,
    }
    with TimedRawCursor(conn) as cur:
        rows = cur.execute(_RECORD.text, _RECORD.values(params)).fetchall()
    events, done, stands = [], [], []
    for row in rows:
        tenant_id, campaign_id, ended, first_seq, last_seq, stored, at, *counters = row
        stands.append(Stand(campaign_id, *counters))
        if stored is not None:
            events.append(StoredEvents(tenant_id, campaign_id, first_seq, last_seq, stored, at))
        if ended:
            done.append((tenant_id, campaign_id))
    return Settlement(events, done, stands)


def claim_lapsed_sending(conn: Connection[Row], *, limit: int) -> list[OpenAttempt]:
    """Open attempts of dead workers, locked until the caller's transaction ends."""
    with conn.cursor(row_factory=class_row(OpenAttempt)) as cur:
        return cur.execute(_SQL["claim_lapsed_sending"], {"limit": limit}).fetchall()


def release_lapsed_leased(conn: Connection[Row], *, limit: int) -> int:
    """Put leased messages of dead workers back; returns how many."""
    return conn.execute(_SQL["release_lapsed_leased"], {"limit": limit}).rowcount


def recount(conn: Connection[Row], tenant_id: int, campaign_id: int) -> Recount:
    """Count the rows of a campaign; reads all of them, for tests and `rapidflow doctor`."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(Recount)) as cur:
        row = cur.execute(_SQL["recount"], params).fetchone()
    assert row is not None  # noqa: S101  an aggregate always has a row
    return row


def _key(message: LeasedMessage) -> MessageKey:
    return message.tenant_id, message.campaign_id, message.position


def _wanted(
    messages: Sequence[tuple[LeasedMessage, UUID]], hash_phone: HashPhone
) -> dict[str, object]:
    return {
        **_columns([_key(message) for message, _ in messages]),
        "lease_ids": [lease_id for _, lease_id in messages],
        "instance_ids": [message.instance_id for message, _ in messages],
        "phones": [message.phone for message, _ in messages],
        "phone_hashes": [hash_phone(message.tenant_id, message.phone) for message, _ in messages],
        "gaps": [message.min_gap if message.shared_pace else None for message, _ in messages],
    }


def _columns(keys: Sequence[MessageKey]) -> dict[str, list[int]]:
    return {
        "tenant_ids": [key[0] for key in keys],
        "campaign_ids": [key[1] for key in keys],
        "positions": [key[2] for key in keys],
    }
