"""What has been kept long enough goes, in small batches that find their rows by an index.

A campaign that is not over, or has an open doubt, keeps everything. Counters, rollups per day, the
audit log and suppressions are never touched here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("retention.sql")


@dataclass(frozen=True, slots=True)
class EndedCampaign:
    """A campaign to look at; `held`: by an open doubt. `people_emptied` counts positions."""

    tenant_id: int
    campaign_id: int
    people_emptied: int
    total: int
    age_seconds: float
    held: bool

    @property
    def age(self) -> timedelta:
        """Time since its end."""
        return timedelta(seconds=self.age_seconds)

    @property
    def people_left(self) -> int:
        """Contacts that are not emptied yet."""
        return self.total - self.people_emptied


@dataclass(frozen=True, slots=True)
class Look:
    """What a look left behind: positions emptied so far, seconds until the next one (None: never,
    unless events are left)."""

    campaign: EndedCampaign
    emptied: int
    in_seconds: float | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is ready to go, each counted up to the bound that was asked for. Of campaigns: those to
    be looked at, and those that open doubts hold beyond their time."""

    webhooks: int
    refresh_tokens: int
    idempotency_keys: int
    lids: int
    campaigns_due: int
    campaigns_held: int


def claim_ended(conn: Connection[Row], *, limit: int) -> list[EndedCampaign]:
    """Lock ended campaigns whose look is due; others that hold one are not waited for."""
    with conn.cursor(row_factory=class_row(EndedCampaign)) as cur:
        return cur.execute(_SQL["claim_ended"], {"limit": limit}).fetchall()


def remove_events(
    conn: Connection[Row], campaigns: Sequence[EndedCampaign], *, days: int, limit: int
) -> int:
    """Published events older than that; returns how many batches of events went."""
    params = {**_keys(campaigns), "days": days, "limit": limit}
    return conn.execute(_SQL["remove_events"], params).rowcount


def remove_model_texts(
    conn: Connection[Row], campaigns: Sequence[EndedCampaign], *, limit: int
) -> int:
    """The book of who wrote which text; the texts themselves are the contacts'."""
    return conn.execute(_SQL["remove_model_texts"], {**_keys(campaigns), "limit": limit}).rowcount


def remove_hours(conn: Connection[Row], campaigns: Sequence[EndedCampaign], *, limit: int) -> int:
    """The curve of a campaign by the hour."""
    return conn.execute(_SQL["remove_hours"], {**_keys(campaigns), "limit": limit}).rowcount


def remove_attempts(
    conn: Connection[Row], campaigns: Sequence[EndedCampaign], *, limit: int
) -> int:
    """Calls to the provider."""
    return conn.execute(_SQL["remove_attempts"], {**_keys(campaigns), "limit": limit}).rowcount


def empty_people(conn: Connection[Row], ranges: Sequence[tuple[EndedCampaign, int]]) -> int:
    """Take names, phones, variables and texts out of the next so many contacts of each campaign;
    returns how many contacts that were."""
    campaigns = [campaign for campaign, _ in ranges]
    params = {
        **_keys(campaigns),
        "firsts": [campaign.people_emptied for campaign in campaigns],
        "ends": [campaign.people_emptied + count for campaign, count in ranges],
    }
    conn.execute(_SQL["empty_messages"], params)
    return conn.execute(_SQL["empty_contacts"], params).rowcount


def put_off(conn: Connection[Row], looks: Sequence[Look]) -> None:
    """Say when each campaign is looked at again."""
    params = {
        **_keys([look.campaign for look in looks]),
        "emptied": [look.emptied for look in looks],
        "in_seconds": [look.in_seconds for look in looks],
    }
    conn.execute(_SQL["put_off"], params)


def remove_webhooks(conn: Connection[Row], *, days: int, limit: int) -> int:
    """Provider webhooks that were dealt with so long ago, oldest first."""
    return conn.execute(_SQL["remove_webhooks"], {"days": days, "limit": limit}).rowcount


def remove_refresh_tokens(conn: Connection[Row], *, days: int, limit: int) -> int:
    """Tokens that expired so long ago, oldest first."""
    return conn.execute(_SQL["remove_refresh_tokens"], {"days": days, "limit": limit}).rowcount


def remove_idempotency_keys(conn: Connection[Row], *, limit: int) -> int:
    """Keys older than the day for which they are promised, oldest first."""
    return conn.execute(_SQL["remove_idempotency_keys"], {"limit": limit}).rowcount


def remove_lids(conn: Connection[Row], *, days: int, limit: int) -> int:
    """Pairs of hidden id and phone seen so long ago whose phone no list has any more."""
    return conn.execute(_SQL["remove_lids"], {"days": days, "limit": limit}).rowcount


def add_removed(conn: Connection[Row], removed: Mapping[str, int]) -> None:
    """Count what went, by kind, over all processes and for good."""
    went = {kind: count for kind, count in removed.items() if count}
    if went:
        conn.execute(_SQL["tally"], {"kinds": list(went), "counts": list(went.values())})


def removed_so_far(conn: Connection[Row]) -> dict[str, int]:
    """What went since the installation, by kind."""
    return {str(kind): int(count) for kind, count in conn.execute(_SQL["tallies"])}


def waiting(
    conn: Connection[Row],
    *,
    inbox_days: int,
    refresh_tokens_days: int,
    lids_days: int,
    people_days: int,
    bound: int,
) -> Waiting:
    """What is ready to go now."""
    params = {
        "inbox_days": inbox_days,
        "refresh_tokens_days": refresh_tokens_days,
        "lids_days": lids_days,
        "people_days": people_days,
        "bound": bound,
    }
    with conn.cursor(row_factory=class_row(Waiting)) as cur:
        found = cur.execute(_SQL["waiting"], params).fetchone()
    assert found is not None  # noqa: S101  always one row
    return found


def _keys(campaigns: Sequence[EndedCampaign]) -> dict[str, list[int]]:
    return {
        "tenant_ids": [campaign.tenant_id for campaign in campaigns],
        "campaign_ids": [campaign.campaign_id for campaign in campaigns],
    }
