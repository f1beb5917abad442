"""Campaigns that an external workflow sends: what it reports, contact by contact and as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.campaigns import campaign_number
from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("external.sql")


@dataclass(frozen=True, slots=True)
class CallbackTarget:
    """The campaign a callback names; `executor` is `engine` or `external`."""

    tenant_id: int
    campaign_id: int
    public_id: str
    executor: str


@dataclass(frozen=True, slots=True)
class Report:
    """Totals as the workflow gave them last."""

    position: int
    sent: int
    errors: int
    reported_at: datetime | None
    completed_at: datetime | None


def find_target(conn: Connection[Row], reference: str) -> CallbackTarget | None:
    """By number or `CAMP-…`, of any tenant; in an `auth_transaction`."""
    params = {"campaign_id": campaign_number(reference), "public_id": reference.upper()}
    with conn.cursor(row_factory=class_row(CallbackTarget)) as cur:
        return cur.execute(_SQL["find_campaign"], params).fetchone()


def start(conn: Connection[Row], target: CallbackTarget) -> bool:
    """Have the campaign run; False where it does already, or is over."""
    return conn.execute(_SQL["start"], _key(target)).fetchone() is not None


def find_message(
    conn: Connection[Row], target: CallbackTarget, phones: Sequence[str]
) -> tuple[int, str] | None:
    """Position and status of the contact with one of these phones (canonical, or as submitted)."""
    row = conn.execute(_SQL["find_message"], {**_key(target), "phones": list(phones)}).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def begin(
    conn: Connection[Row], target: CallbackTarget, position: int, lease_id: UUID
) -> int | None:
    """Open the attempt the workflow made; its number, None where the message is not pending."""
    params = {**_key(target), "position": position, "lease_id": lease_id}
    row = conn.execute(_SQL["begin"], params).fetchone()
    return None if row is None else int(row[0])


def keep_text(conn: Connection[Row], target: CallbackTarget, position: int, text: str) -> None:
    """The text that was sent, in place of the one we would have sent."""
    conn.execute(_SQL["keep_text"], {**_key(target), "position": position, "text": text})


def report(
    conn: Connection[Row], target: CallbackTarget, *, position: int, sent: int, errors: int
) -> bool:
    """Note the workflow's totals; False where they say nothing new."""
    params = {**_key(target), "position": position, "sent": sent, "errors": errors}
    return conn.execute(_SQL["report"], params).rowcount > 0


def complete(conn: Connection[Row], target: CallbackTarget, *, sent: int, errors: int) -> bool:
    """Note the end; False where it was noted before."""
    params = {**_key(target), "sent": sent, "errors": errors}
    return conn.execute(_SQL["complete_report"], params).rowcount > 0


def doubt_unreported(conn: Connection[Row], target: CallbackTarget) -> int:
    """What was never reported is in doubt from now on; returns how many."""
    row = conn.execute(_SQL["doubt_unreported"], _key(target)).fetchone()
    return int(row[0]) if row else 0


def find_report(conn: Connection[Row], tenant_id: int, campaign_id: int) -> Report | None:
    """What the workflow said of the whole; None for the engine's own campaigns."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(Report)) as cur:
        return cur.execute(_SQL["find_report"], params).fetchone()


def _key(target: CallbackTarget) -> dict[str, int]:
    return {"tenant_id": target.tenant_id, "campaign_id": target.campaign_id}
