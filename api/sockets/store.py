"""What sockets read from the database: a campaign's numbers, and whether a session still stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import class_row

from api.schemas.campaigns import metrics_answer
from api.sockets.turns import Database
from shared.db.campaigns import get_campaign

_LARGEST_ID: Final = 2**63 - 1
_USERS_CAMPAIGNS: Final = 500

_FIND: Final = """
SELECT campaign_id, public_id, user_id, request_id
  FROM campaigns
 WHERE tenant_id = %(tenant_id)s AND {column} = %(value)s"""
_BY_ID: Final = _FIND.format(column="campaign_id")
_BY_PUBLIC_ID: Final = _FIND.format(column="public_id")
# Those that ended in the last day too: a client that was away learns that it missed their end.
_LIVE: Final = """
SELECT g.campaign_id, g.public_id, g.user_id, g.request_id, g.status, c.seq
  FROM campaigns AS g
  JOIN campaign_counters AS c USING (tenant_id, campaign_id)
 WHERE g.tenant_id = %(tenant_id)s AND g.user_id = %(user_id)s
   AND (g.status IN ('scheduled', 'pending', 'running', 'paused')
        OR g.finished_at > now() - interval '1 day')
 ORDER BY g.campaign_id DESC
 LIMIT %(limit)s"""
_SESSIONS: Final = """
SELECT user_id, role, session_epoch
  FROM users
 WHERE tenant_id = %(tenant_id)s AND user_id = ANY(%(user_ids)s) AND disabled_at IS NULL"""
_REFUSED: Final = """
INSERT INTO audit_log (tenant_id, actor, action, subject)
VALUES (%(tenant_id)s, %(actor)s, 'socket.foreign_user_refused', %(subject)s)"""


@dataclass(frozen=True, slots=True)
class FoundCampaign:
    """A campaign by both its names, whose it is, and the request that created it."""

    campaign_id: int
    public_id: str
    user_id: int
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a campaign stands after event `seq`, in the words of the REST metrics."""

    seq: int
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LiveCampaign:
    """A campaign of a user that may still change, and the number of its last event."""

    campaign_id: int
    public_id: str
    user_id: int
    request_id: str | None
    status: str
    seq: int


@dataclass(frozen=True, slots=True)
class Session:
    """What a user's sockets depend on."""

    user_id: int
    role: str
    session_epoch: int


def find_campaign(database: Database, tenant_id: int, given: str | int) -> FoundCampaign | None:
    """By `CAMP-…` or numeric id, of this tenant only."""
    value: str | int = given
    if isinstance(given, str) and given.isascii() and given.isdigit():
        value = int(given)
    if isinstance(value, int) and not 0 < value <= _LARGEST_ID:
        return None
    statement = _BY_ID if isinstance(value, int) else _BY_PUBLIC_ID
    with (
        database.tenant(tenant_id) as conn,
        conn.cursor(row_factory=class_row(FoundCampaign)) as cur,
    ):
        return cur.execute(statement, {"tenant_id": tenant_id, "value": value}).fetchone()


def take_snapshot(database: Database, tenant_id: int, campaign_id: int) -> Snapshot:
    """Its numbers and the last event they hold, of one instant.

    Raises:
        NotFound: it is gone.
    """
    with database.tenant(tenant_id) as conn:
        campaign = get_campaign(conn, tenant_id, str(campaign_id))
    return Snapshot(campaign.seq, metrics_answer(campaign))


def list_live_campaigns(database: Database, tenant_id: int, user_id: int) -> list[LiveCampaign]:
    """A user's campaigns that are not over or ended within a day, newest first, at most 500."""
    params = {"tenant_id": tenant_id, "user_id": user_id, "limit": _USERS_CAMPAIGNS}
    with (
        database.tenant(tenant_id) as conn,
        conn.cursor(row_factory=class_row(LiveCampaign)) as cur,
    ):
        return cur.execute(_LIVE, params).fetchall()


def find_sessions(database: Database, tenant_id: int, user_ids: list[int]) -> dict[int, Session]:
    """The users among `user_ids` that are not disabled."""
    params = {"tenant_id": tenant_id, "user_ids": user_ids}
    with (
        database.tenant(tenant_id) as conn,
        conn.cursor(row_factory=class_row(Session)) as cur,
    ):
        return {row.user_id: row for row in cur.execute(_SESSIONS, params)}


def record_refusal(database: Database, tenant_id: int, user_id: int, asked_for: str) -> None:
    """Write down that a user asked for another user's events."""
    params = {
        "tenant_id": tenant_id,
        "actor": f"user:{user_id}",
        "subject": f"user:{asked_for[:40]}",
    }
    with database.tenant(tenant_id) as conn:
        conn.execute(_REFUSED, params)
