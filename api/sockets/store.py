"""What sockets read from the database: a campaign's numbers, and whether a session still stands."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import class_row

from api.sockets.turns import Database

_LARGEST_ID: Final = 2**63 - 1
_USERS_CAMPAIGNS: Final = 500

_SNAPSHOT: Final = """
SELECT g.campaign_id, g.public_id, g.user_id, g.status, c.total, c.sent, c.failed, c.in_doubt,
       c.skipped, c.cancelled, c.processed, c.seq
  FROM campaigns AS g
  JOIN campaign_counters AS c USING (tenant_id, campaign_id)
 WHERE g.tenant_id = %(tenant_id)s AND g.{column} = %(value)s"""
_BY_ID: Final = _SNAPSHOT.format(column="campaign_id")
_BY_PUBLIC_ID: Final = _SNAPSHOT.format(column="public_id")
_LIVE: Final = """
SELECT g.campaign_id, g.public_id, g.user_id, c.seq
  FROM campaigns AS g
  JOIN campaign_counters AS c USING (tenant_id, campaign_id)
 WHERE g.tenant_id = %(tenant_id)s AND g.user_id = %(user_id)s
   AND g.status IN ('scheduled', 'pending', 'running', 'paused')
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
class Snapshot:
    """Where a campaign stands after event `seq`."""

    campaign_id: int
    public_id: str
    user_id: int
    status: str
    total: int
    sent: int
    failed: int
    in_doubt: int
    skipped: int
    cancelled: int
    processed: int
    seq: int

    def metrics(self) -> dict[str, Any]:
        """In the words of the REST metrics."""
        share = self.processed / self.total if self.total else 0.0
        return {
            "campaign_id": self.public_id,
            "status": self.status,
            "total_contacts": self.total,
            "sent_count": self.sent,
            "error_count": self.failed,
            "in_doubt_count": self.in_doubt,
            "skipped_count": self.skipped,
            "cancelled_count": self.cancelled,
            "processed_count": self.processed,
            "progress_percentage": round(100 * share, 2),
        }


@dataclass(frozen=True, slots=True)
class LiveCampaign:
    """A campaign of a user that may still change, and the number of its last event."""

    campaign_id: int
    public_id: str
    user_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class Session:
    """What a user's sockets depend on."""

    user_id: int
    role: str
    session_epoch: int


def find_campaign(database: Database, tenant_id: int, given: str | int) -> Snapshot | None:
    """By `CAMP-…` or numeric id, of this tenant only."""
    value: str | int = given
    if isinstance(given, str) and given.isascii() and given.isdigit():
        value = int(given)
    if isinstance(value, int) and not 0 < value <= _LARGEST_ID:
        return None
    statement = _BY_ID if isinstance(value, int) else _BY_PUBLIC_ID
    with (
        database.tenant(tenant_id) as conn,
        conn.cursor(row_factory=class_row(Snapshot)) as cur,
    ):
        return cur.execute(statement, {"tenant_id": tenant_id, "value": value}).fetchone()


def list_live_campaigns(database: Database, tenant_id: int, user_id: int) -> list[LiveCampaign]:
    """A user's campaigns that are not over, newest first, at most 500."""
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
