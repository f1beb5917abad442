"""`rapidflow doctor`: is everything there, and if not, what to do."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import psycopg
from rich.console import Console
from rich.markup import escape

from deploy.commands.checked import checked_settings
from deploy.doctor import collector, provider, queue
from deploy.doctor.finding import Check, Finding
from shared.db import audit, health, restores
from shared.db.migrate import pending_migrations
from shared.db.pool import ENGINE_ROLE, check_role, connection_options
from shared.errors import RapidFlowError
from shared.settings import Settings, unknown_variables

_MIB = 1024 * 1024
_AUDIT_LINES = 1000  # of each tenant; `rapidflow audit verify` reads all


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check every dependency and the engine's own books; exit 1 if something needs doing."""
    settings = checked_settings()
    findings = [finding for check in _CHECKS for finding in check(settings)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        _show(findings)
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for finding in findings:
        mark = "[green]ok  [/]" if finding.ok else "[red]fix [/]"
        console.print(f"{mark} [bold]{finding.check}[/]: {escape(finding.found)}", soft_wrap=True)
        if not finding.ok:
            console.print(f"     {escape(finding.fix)}", soft_wrap=True)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", True, f"complete; answering at {settings.base_url}")
    unknown = unknown_variables()
    yield Finding(
        "variables",
        not unknown,
        "; ".join(unknown) or "none that is no setting",
        "Write it as docs/settings.md does, or remove it: it has no effect.",
    )
    ahead, lease = settings.dispatch.lookahead_seconds, settings.delivery.lease_seconds
    yield Finding(
        "lookahead",
        ahead + settings.delivery.late_seconds < lease,
        f"slots {ahead:g} s ahead, leases {lease:g} s",
        "Make RAPIDFLOW_DELIVERY__LEASE_SECONDS longer than RAPIDFLOW_DISPATCH__LOOKAHEAD_SECONDS "
        "and RAPIDFLOW_DELIVERY__LATE_SECONDS together: leases lapse before their slots come.",
    )


def _database(settings: Settings) -> Iterator[Finding]:
    url = settings.database_url.get_secret_value()
    options = connection_options(ENGINE_ROLE, settings.pool)
    try:
        waiting = pending_migrations(url)
        if waiting:
            fix = "Run `rapidflow migrate`, then this again: it has not looked any further there."
            yield Finding("migrations", False, f"not applied: {', '.join(waiting)}", fix)
            return
        with psycopg.connect(url, options=options, connect_timeout=5) as conn:
            check_role(conn)
            yield from _database_findings(conn)
            numbers = list(provider.open_tokens(settings, restores.list_instances(conn)))
    except (psycopg.Error, RapidFlowError) as exc:
        reason = " ".join(str(exc).split()) or repr(exc)
        fix = "Start PostgreSQL or correct DATABASE_URL; a new database needs `rapidflow migrate`."
        yield Finding("PostgreSQL", False, reason, fix)
        return
    for number in numbers:
        if isinstance(number, Finding):
            yield number
        else:
            yield from provider.look_at(settings, number)


def _database_findings(conn: "psycopg.Connection[tuple[object, ...]]") -> Iterator[Finding]:
    server = health.get_server(conn)
    yield Finding("PostgreSQL", True, f"version {server.version}, role bound by row-level security")
    yield Finding(
        "connections",
        server.connections < server.max_connections - 10,
        f"{server.connections} of {server.max_connections}",
        "Raise max_connections, or run fewer processes, or lower RAPIDFLOW_POOL__API_SIZE and "
        "RAPIDFLOW_POOL__ENGINE_SIZE.",
    )
    held = restores.find_current(conn)
    yield Finding(
        "restore",
        held is None,
        "nothing is held"
        if held is None
        else f"backup of {held.taken_at:%Y-%m-%d %H:%M} UTC restored, {held.held} campaigns held",
        "`rapidflow restore review` says what may have been sent since, `rapidflow restore "
        "release` lets campaigns go on.",
    )
    yield Finding(
        "clock",
        server.clock_skew_seconds < 5,
        f"{server.clock_skew_seconds:.1f} s from the database's",
        "Set both clocks by NTP; tokens and reports depend on them.",
    )
    backlog = health.get_backlog(conn)
    yield Finding(
        "engine",
        backlog.oldest_due_seconds < 30 and not backlog.lapsed,
        f"oldest due work {backlog.oldest_due_seconds:.0f} s, lapsed leases {backlog.lapsed}",
        "Start or restart `rapidflow control`, `rapidflow beat` and `rapidflow worker`.",
    )
    behind = backlog.unpublished + backlog.unread
    yield Finding(
        "relay",
        not behind,
        f"{backlog.unpublished} unpublished events, {backlog.unread} unread webhooks",
        "Start or restart `rapidflow control` and `rapidflow beat`.",
    )
    yield Finding("doubts", True, f"{backlog.in_doubt} messages in doubt")
    broken = [
        chain for chain in audit.verify(conn, newest=_AUDIT_LINES) if chain.broken_at is not None
    ]
    yield Finding(
        "audit log",
        not broken,
        "whole" if not broken else f"broken for tenants {[chain.tenant_id for chain in broken]}",
        "Somebody changed it in the database: `rapidflow audit verify` says where.",
    )
    unbalanced = health.list_unbalanced(conn, limit=20)
    yield Finding(
        "conservation",
        not unbalanced,
        "counters equal the rows" if not unbalanced else f"differ in {', '.join(unbalanced)}",
        "This is a fault of RapidFlow: keep the log folder and report it.",
    )


def _folders(settings: Settings) -> Iterator[Finding]:
    folders = [("LOG_DIR", settings.log_dir)]
    if (settings.data_dir / "secrets.json").exists():  # `rapidflow up` keeps its servers there
        folders.append(("DATA_DIR", settings.data_dir))
    for name, folder in folders:
        place = _existing(folder)
        free = shutil.disk_usage(place).free // _MIB
        fix = f"Free some space where {name} is."
        yield Finding(name, free > 200, f"{folder}: {free} MiB free", fix)


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(
        place for place in (folder.absolute(), *folder.absolute().parents) if place.exists()
    )


_CHECKS: tuple[Check, ...] = (
    _settings,
    _database,
    queue.look,
    provider.look,
    collector.look,
    _folders,
)
