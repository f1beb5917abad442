"""`rapidflow audit`: is the audit log whole?"""

import click

from deploy.commands.admin import database, json_option, say
from shared.db import audit as rows


@click.group()
def audit() -> None:
    """The log of who did what."""


@audit.command()
@json_option
def verify(as_json: bool) -> None:
    """Recompute the chain of every tenant; exit 1 where a line was changed, added or taken out.

    A cut at the end leaves a whole chain behind: keep the last number and hash that this prints
    somewhere else, and compare.
    """
    with database() as (conn, _):
        conn.execute("SET LOCAL statement_timeout = 0")  # the whole log, however long
        chains = rows.verify(conn)
    document = [
        {
            "tenant_id": chain.tenant_id,
            "lines": chain.lines,
            "last_hash": chain.last_hash,
            "broken_at": chain.broken_at,
        }
        for chain in chains
    ]
    lines = [
        f"tenant {chain.tenant_id}: {chain.lines} lines, last {chain.last_hash}"
        if chain.broken_at is None
        else f"tenant {chain.tenant_id}: BROKEN at line {chain.broken_at}"
        for chain in chains
    ]
    say("\n".join(lines) or "The audit log is empty.", {"chains": document}, as_json=as_json)
    if any(chain.broken_at is not None for chain in chains):
        raise SystemExit(1)
