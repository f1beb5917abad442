"""What a backup needs to know of the database it reads or fills; `conn` is the login role's."""

from psycopg import Connection, sql

from shared.db.pool import ENGINE_ROLE, Row
from shared.db.sql import load_sql

_SQL = load_sql("backups.sql")

DROP_ALL = _SQL["drop_all"]

_CHECK = sql.SQL(
    "SELECT count(*) INTO found FROM public.{table}; "
    "IF found <> {count} THEN RAISE EXCEPTION '%: % rows instead of %', {name}, found, {count}; "
    "END IF;\n"
)


def let_engine_read(conn: Connection[Row]) -> None:
    """Let the role that sees every tenant read every table; the owner itself sees no rows."""
    for kind, name in conn.execute(_SQL["may_not_read"], {"role": ENGINE_ROLE}).fetchall():
        conn.execute(
            sql.SQL("GRANT SELECT ON {} {} TO {}").format(
                sql.SQL(kind), sql.SQL(name), sql.Identifier(ENGINE_ROLE)
            )
        )


def list_hidden(conn: Connection[Row]) -> list[str]:
    """Tables of which that role does not see every row."""
    return [str(row[0]) for row in conn.execute(_SQL["hidden"], {"role": ENGINE_ROLE})]


def list_tables(conn: Connection[Row]) -> list[str]:
    """By name."""
    return [str(row[0]) for row in conn.execute(_SQL["tables"])]


def count_rows(conn: Connection[Row], tables: list[str]) -> dict[str, int]:
    """Of each table, in the caller's snapshot and as the caller's role."""
    counts = {}
    for table in tables:
        row = conn.execute(
            sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table))
        ).fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


def list_others(conn: Connection[Row]) -> list[str]:
    """Names of RapidFlow processes connected to this database."""
    return [str(row[0]) for row in conn.execute(_SQL["others"])]


def counts_script(conn: Connection[Row], rows: dict[str, int]) -> str:
    """SQL, for the engine's role, that fails unless the tables hold so many rows."""
    checks = sql.SQL("").join(
        _CHECK.format(table=sql.Identifier(table), name=sql.Literal(table), count=sql.Literal(n))
        for table, n in rows.items()
    )
    block = sql.SQL("DO $count$ DECLARE found bigint; BEGIN\n{}END $count$;\n").format(checks)
    return block.as_string(conn)
