"""Dashboard and performance, from rollups: nothing here reads messages or attempts."""

from dataclasses import dataclass
from datetime import date

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("analytics.sql")


@dataclass(frozen=True, slots=True)
class HourLine:
    """Outcomes in one hour of the day (0-23), tenant time."""

    hour: int
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class DayLine:
    """Outcomes of one day, tenant time."""

    day: date
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A tenant's campaigns in numbers; the rate in percent."""

    total_campaigns: int
    completed_campaigns: int
    running_campaigns: int
    avg_success_rate: float
    total_sent: int
    total_errors: int
    total_in_doubt: int


def list_hours(conn: Connection[Row], tenant_id: int, campaign_id: int) -> list[HourLine]:
    """Hours with outcomes, in order."""
    params = {"tenant_id": tenant_id, "campaign_id": campaign_id}
    with conn.cursor(row_factory=class_row(HourLine)) as cur:
        return cur.execute(_SQL["hours"], params).fetchall()


def get_summary(conn: Connection[Row], tenant_id: int) -> Summary:
    """Totals over all campaigns."""
    with conn.cursor(row_factory=class_row(Summary)) as cur:
        summary = cur.execute(_SQL["summary"], {"tenant_id": tenant_id}).fetchone()
    assert summary is not None  # noqa: S101  an aggregate always answers
    return summary


def list_days(conn: Connection[Row], tenant_id: int) -> list[DayLine]:
    """Thirty days, oldest first."""
    with conn.cursor(row_factory=class_row(DayLine)) as cur:
        return cur.execute(_SQL["daily"], {"tenant_id": tenant_id}).fetchall()
