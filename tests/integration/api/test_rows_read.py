"""Metrics, performance and dashboard read as many rows with two million messages as with ten
thousand, and none of a message, an attempt or a contact."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from api.app import create_app
from api.runtime import runtime
from deploy.local.servers import RunningServers
from shared.settings import Settings
from tests.conftest import on_database
from tests.factories import CampaignRow, Factory
from tests.integration.api.conftest import Person

CAMPAIGNS = 200
FEW, MANY = 10_000, 2_000_000
NEVER_READ = {"contacts", "messages", "attempts"}

# What a statement reads: rows of whole-table scans, entries of index scans.
READ = """
SELECT t.relname, t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0)
  FROM pg_stat_user_tables AS t LEFT JOIN pg_stat_user_indexes AS i USING (relid)
 GROUP BY t.relid, t.relname, t.seq_tup_read
"""

CONTACTS = """
INSERT INTO contacts (tenant_id, campaign_id, position, name, phone)
SELECT c.tenant_id, c.campaign_id, p.position, 'x', '551190000000'
  FROM campaign_counters AS c CROSS JOIN generate_series(%s::int, %s::int) AS p(position)
"""
MESSAGES = """
INSERT INTO messages (tenant_id, campaign_id, position, status, attempts, sent_at)
SELECT tenant_id, campaign_id, position, 'sent', 1, now()
  FROM contacts WHERE position BETWEEN %s AND %s
"""

Superuser = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def superuser(servers: RunningServers, database_url: str) -> Iterator[Superuser]:
    """Past row-level security and foreign keys: millions of rows in seconds."""
    url = on_database(servers.superuser_url, urlsplit(database_url).path.lstrip("/"))
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        yield conn


def grow(superuser: Superuser, first: int, last: int) -> None:
    """Sent messages at these positions of every campaign."""
    superuser.execute(CONTACTS, (first, last))
    superuser.execute(MESSAGES, (first, last))
    superuser.execute("ANALYZE")


def rows_read(
    superuser: Superuser, settings: Settings, person: Person, path: str
) -> dict[str, int]:
    """{table: rows read} for one answer; its connections end first, so all of it is counted."""
    app = create_app(settings)
    client = app.test_client()
    superuser.execute("SELECT pg_stat_force_next_flush()")  # what this connection itself has read
    superuser.execute("SELECT pg_stat_reset()")
    answer = client.get(path, headers={"X-API-Key": person.key})
    assert answer.status_code == 200, answer.text
    runtime(app).close()
    others = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> %s"
    )
    until = time.monotonic() + 20
    while superuser.execute(others, (superuser.info.backend_pid,)).fetchone():
        assert time.monotonic() < until, "the answer's connections stay open"
        time.sleep(0.02)
    return settled_counts(superuser, until)


def settled_counts(superuser: Superuser, until: float) -> dict[str, int]:
    """What the server has counted once it has counted something and nothing more comes."""
    before: dict[str, int] = {}
    while True:
        time.sleep(0.2)
        found = {str(name): int(str(count)) for name, count in superuser.execute(READ) if count}
        if found and found == before:
            return found
        assert time.monotonic() < until, "the server has counted nothing"
        before = found


def test_answers_read_the_same_rows_with_two_million_messages(
    superuser: Superuser, settings: Settings, factory: Factory, person: Callable[..., Person]
) -> None:
    asked = person("viewer")
    made: list[CampaignRow] = [factory.campaign(asked.tenant) for _ in range(CAMPAIGNS)]
    grow(superuser, 100, 100 + FEW // CAMPAIGNS - 1)
    superuser.execute(
        "INSERT INTO campaign_hours (tenant_id, campaign_id, hour, sent, failed)"
        " SELECT tenant_id, campaign_id, now() - make_interval(hours => h), 9, 1"
        "   FROM campaign_counters CROSS JOIN generate_series(0, 30) AS g(h)"
    )
    reference = made[CAMPAIGNS // 2].public_id
    paths = [
        f"/api/campaigns/{reference}/metrics",
        f"/api/campaigns/{reference}/performance",
        f"/api/campaigns/{made[3].campaign_id}/metrics",
        "/api/campaigns/dashboard",
    ]
    superuser.execute("ANALYZE")
    few = {path: rows_read(superuser, settings, asked, path) for path in paths}
    grow(superuser, 1000, 1000 + (MANY - FEW) // CAMPAIGNS - 1)
    total = superuser.execute("SELECT count(*) FROM messages").fetchone()
    assert total is not None
    assert int(str(total[0])) >= MANY
    many = {path: rows_read(superuser, settings, asked, path) for path in paths}

    assert many == few
    for path, read in few.items():
        assert read["campaign_counters"] >= 1, "the rows that are read were not counted"
        assert not NEVER_READ & set(read), path
