"""A database with many messages of finished campaigns.

A few campaigns are sent by the engine itself; their rows, in whatever tables they left some, are
then copied under new campaign numbers. So every table is there in its fair proportion.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import Connection, sql

from bench.load import Ground, Load, new_ground
from bench.product import send
from bench.rig import Rig
from tests.factories import Factory

_SIDE_BY_SIDE = 2
_FILLING = {"autovacuum": "off", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}

# What is not copied as it is: `k` numbers the copies.
_CHANGED = {
    "campaign_id": "s.campaign_id + %(step)s::bigint * %(k)s",
    "public_id": "s.public_id || %(k)s",
    "provider_id": "'3EB0' || upper(left(md5(s.provider_id || %(k)s), 18))",
    # Everybody is written to a few times; the area code keeps people of different copies apart.
    "phone": "overlay(s.phone PLACING lpad((%(k)s / 20 %% 100)::text, 2, '0') FROM 6 FOR 2)",
    "reference": "NULL",
}

_TABLES = """
SELECT c.oid::regclass::text
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'campaign_id'
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.oid
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
 WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
   AND (attidentity = '' OR attname = 'campaign_id')
 ORDER BY attnum
"""
_KEY = """
SELECT array_agg(a.attname ORDER BY x.place)
  FROM pg_index AS i
 CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS x(attnum, place)
  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = x.attnum
 WHERE i.indrelid = %s::regclass AND i.indisprimary
"""
# Those that rows in the order of campaigns do not fill from left to right; made anew afterwards.
_SCATTERED = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
  FROM pg_index AS i
  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
 WHERE i.indrelid = %s::regclass AND NOT i.indisprimary AND a.attname <> 'campaign_id'
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
# A finished campaign's receipts came long ago.
_RECEIPTS = """
UPDATE messages
   SET status = CASE WHEN position % 20 < 12 THEN 'read' WHEN position % 20 < 19 THEN 'delivered'
                     ELSE status END,
       acked_at = sent_at, delivered_at = CASE WHEN position % 20 < 19 THEN sent_at END,
       read_at = CASE WHEN position % 20 < 12 THEN sent_at END
 WHERE status = 'sent';
UPDATE campaign_counters AS c
   SET delivered = n.delivered, read = n.read
  FROM (SELECT campaign_id, count(delivered_at) AS delivered, count(read_at) AS read
          FROM messages GROUP BY campaign_id) AS n
 WHERE c.campaign_id = n.campaign_id;
"""
_TOTALS = """
UPDATE tenant_totals SET campaigns = campaigns * %(times)s, completed = completed * %(times)s,
       sent = sent * %(times)s, failed = failed * %(times)s, rated = rated * %(times)s,
       rate_sum = rate_sum * %(times)s;
INSERT INTO usage_daily (tenant_id, day, sent, failed)
SELECT tenant_id, day - d, sent, failed FROM usage_daily CROSS JOIN generate_series(1, 60) AS d
    ON CONFLICT DO NOTHING;
"""
_NEXT_CAMPAIGN = """
SELECT setval(pg_get_serial_sequence('campaigns', 'campaign_id'), max(campaign_id)) FROM campaigns
"""


@dataclass(frozen=True, slots=True)
class _Copying:
    """How one table is copied."""

    table: str
    statement: sql.Composed


def small_ground(rig: Rig, load: Load) -> Ground:
    """A database in which this load was sent, received and read."""
    database_url = rig.database()
    factory = Factory(rig.settings(database_url=database_url))
    ground = new_ground(factory, load)
    send(rig, load, ground)
    with psycopg.connect(_as_superuser(rig, database_url), autocommit=True) as conn:
        conn.execute(_RECEIPTS)  # type: ignore[arg-type]
        conn.execute("VACUUM (ANALYZE)")
    return ground


def grown_ground(rig: Rig, small: Ground, rows: int) -> Ground:
    """A copy of `small` with about `rows` messages."""
    database_url = rig.database(template=small.database_url)
    address = _as_superuser(rig, database_url)
    with psycopg.connect(address, autocommit=True) as conn:
        have = _number(conn, "SELECT count(*) FROM messages")
        step = _number(conn, "SELECT max(campaign_id) FROM campaigns")
        copies = max(rows // have - 1, 1)
        _set_server(conn, _FILLING)
        copying = [_copying(conn, str(table)) for (table,) in conn.execute(_TABLES).fetchall()]
        scattered = [
            row for one in copying for row in conn.execute(_SCATTERED, (one.table,)).fetchall()
        ]
        for name, _ in scattered:
            conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(str(name))))
        with rig.doing(f"copying {have:,} messages {copies:,} times"):
            _side_by_side(address, copying, step, copies)
        with rig.doing("indexes and statistics"):
            conn.execute("SET maintenance_work_mem = '1GB'")
            for _, definition in scattered:
                conn.execute(str(definition))  # type: ignore[arg-type]
            conn.execute(_TOTALS.replace("%(times)s", str(copies + 1)))  # type: ignore[arg-type]
            conn.execute(_NEXT_CAMPAIGN)
            conn.execute("VACUUM (ANALYZE)")
            _set_server(conn, dict.fromkeys(_FILLING))
            conn.execute("CHECKPOINT")
    return Ground(database_url, small.tenant, small.instances)


def _copying(conn: Connection, table: str) -> _Copying:
    columns = [str(name) for (name,) in conn.execute(_COLUMNS, (table,)).fetchall()]
    row = conn.execute(_KEY, (table,)).fetchone()
    order = [str(name) for name in (row[0] if row and row[0] else [])]
    values = [_CHANGED.get(name, f"s.{name}") for name in columns]
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {table} AS s"
        " WHERE s.campaign_id <= %(step)s ORDER BY {order}"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ".join(values)),  # type: ignore[arg-type]
        order=sql.SQL(", ").join(sql.Identifier("s", name) for name in order),
    )
    return _Copying(table, statement)


def _side_by_side(address: str, copying: Sequence[_Copying], step: int, copies: int) -> None:
    """Each of some connections copies the tables it takes next, one after the other."""
    left, errors = list(reversed(copying)), []

    def run() -> None:
        try:
            with psycopg.connect(address, autocommit=True) as conn:
                # Rows copied from rows need no foreign keys checked.
                conn.execute("SET session_replication_role = replica")
                conn.execute("SET synchronous_commit = off")
                while left:
                    one = left.pop()
                    for k in range(1, copies + 1):
                        conn.execute(one.statement, {"step": step, "k": k})
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(_SIDE_BY_SIDE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _set_server(conn: Connection, values: dict[str, str | None]) -> None:
    for name, value in values.items():
        setting = sql.Identifier(name)
        if value is None:
            conn.execute(sql.SQL("ALTER SYSTEM RESET {}").format(setting))
        else:
            conn.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(setting, value))
    conn.execute("SELECT pg_reload_conf()")


def _as_superuser(rig: Rig, database_url: str) -> str:
    path = urlsplit(database_url).path
    return urlunsplit(urlsplit(rig.servers.superuser_url)._replace(path=path))


def _number(conn: Connection, query: str) -> int:
    row = conn.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])
