"""PostgreSQL stopped, its connections cut in mid-commit, its disk read-only or full."""

import os
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg

from tests.faults.case import Case
from tests.faults.proxy import Mode
from tests.faults.registry import doubt, row

_ANSWER_SECONDS = 3.0
_IN_FLIGHT = 4


def _slow_campaign(case: Case, contacts: int = 80) -> None:
    case.rig.sandbox.tune(latency_ms=100)
    case.campaign(contacts)
    case.wait_sent(6)
    case.max_doubts = _IN_FLIGHT


def _expect_503(case: Case, ask: Callable[[], httpx.Response], what: str) -> None:
    began = time.monotonic()
    answer = ask()
    took = time.monotonic() - began
    case.expect(answer.status_code == 503, f"{what} answered {answer.status_code}")
    case.expect(took < _ANSWER_SECONDS, f"{what} took {took:.1f} s")
    if answer.status_code == 503:
        error = answer.json()["error"]
        clear = error["code"] == "database_unavailable" and len(error["message"]) > 20
        case.expect(clear, f"{what} said {error}")
        case.expect("Retry-After" in answer.headers, f"{what}: no Retry-After")


@row("postgresql", within=30, real=True)
def postgres_stopped(case: Case) -> None:
    """PostgreSQL stopped at once (immediate) for 20 s"""
    _slow_campaign(case)
    client, server = case.rig.client, case.rig.servers.postgres
    body = case.body(case.people(6), [case.rig.instance()])
    server.stop(signal.SIGQUIT)
    until = time.monotonic() + 20
    while time.monotonic() < until - 3:
        _expect_503(case, lambda: client.get("/api/campaigns"), "GET")
        _expect_503(case, lambda: client.post("/api/campaigns", json=body), "POST")
        live = client.get("/health/live").status_code
        case.expect(live == 200, f"/health/live answered {live}")
        time.sleep(1)
    time.sleep(max(until - time.monotonic(), 0))
    server.start()
    case.healed()
    named = case.rig.rows("SELECT 1 FROM campaigns WHERE name = %s", body["name"])
    case.expect(not named, "half a campaign was kept")
    case.rig.wait(lambda: client.get("/api/campaigns").status_code == 200, "API stayed away")


@row("postgresql", within=30)
def postgres_killed(case: Case) -> None:
    """PostgreSQL killed (SIGKILL) and started at once"""
    _slow_campaign(case)
    case.rig.servers.postgres.stop(signal.SIGKILL)
    case.rig.servers.postgres.start()
    case.healed()


@row("postgresql", within=doubt, short=True)
def backends_terminated(case: Case) -> None:
    """pg_terminate_backend of everybody, five times"""
    _slow_campaign(case)
    for _ in range(5):
        with case.rig.servers.superuser() as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'rapidflow-%%'"
            )
        time.sleep(0.3)
    case.healed()


def _commits_cut(case: Case, *, delivers: bool) -> None:
    """The worker's connection is reset while it commits, eight times."""
    _slow_campaign(case, 120)
    proxy = case.rig.postgres["worker"]
    proxy.cut_on(b"COMMIT", times=8, delivers=delivers)
    case.rig.wait(lambda: proxy.cuts_left == 0, "nothing was committed")
    case.healed()
    case.max_doubts = 0  # the worker lives: it knows what it did


@row("postgresql", within=doubt)
def commit_cut_after(case: Case) -> None:
    """worker's connection cut in mid-commit, the commit happened"""
    _commits_cut(case, delivers=True)


@row("postgresql", within=doubt)
def commit_cut_before(case: Case) -> None:
    """worker's connection cut in mid-commit, the commit did not happen"""
    _commits_cut(case, delivers=False)


@row("postgresql", within=doubt)
def control_commits_cut(case: Case) -> None:
    """control's connection cut in mid-commit, ten times"""
    case.rig.sandbox.tune(latency_ms=50)
    proxy = case.rig.postgres["control"]
    for delivers in (True, False):
        proxy.cut_on(b"COMMIT", times=5, delivers=delivers)
        case.campaign(40)
        case.rig.wait(lambda: proxy.cuts_left == 0, "nothing was committed")
    case.healed()


@row("postgresql", within=15)
def api_commit_cut(case: Case) -> None:
    """API's connection cut in mid-commit, the request repeated with its key"""
    proxy = case.rig.postgres["server"]
    for delivers in (True, False):
        body = case.body(case.people(8), [case.rig.instance()])
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        proxy.cut_on(b"COMMIT", delivers=delivers)
        for _ in range(20):
            answer = case.rig.client.post("/api/campaigns", json=body, headers=headers)
            if answer.status_code == 201:
                break
            case.expect(answer.status_code in {409, 503}, f"answered {answer.status_code}")
            time.sleep(0.2)
        case.adopt(body, answer.json())
        named = case.rig.rows("SELECT 1 FROM campaigns WHERE name = %s", body["name"])
        case.expect(len(named) == 1, f"{len(named)} campaigns of one request")
    case.healed()


@row("postgresql", within=30)
def postgres_frozen(case: Case) -> None:
    """PostgreSQL frozen for 6 s: accepts, answers nothing"""
    _slow_campaign(case)
    proxies = case.rig.postgres.values()
    for proxy in proxies:
        proxy.set(Mode.FREEZE)
    time.sleep(6)
    for proxy in proxies:
        proxy.set(Mode.PASS)
    case.healed()


@row("postgresql", within=30)
def read_only(case: Case) -> None:
    """PostgreSQL read-only for 6 s"""
    _slow_campaign(case)
    with case.rig.servers.superuser() as conn:
        conn.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        conn.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(1)
            body = case.body(case.people(3), [])
            del body["config"]["instances"]
            answer = case.rig.client.post("/api/campaigns", json=body)
            case.expect(answer.status_code == 503, f"POST answered {answer.status_code}")
            sent = len(case.ledger())
            time.sleep(4)
            begun = len(case.ledger()) - sent
            case.expect(begun <= _IN_FLIGHT, f"{begun} sent while nothing could be written")
        finally:
            conn.execute("SET default_transaction_read_only = off")
            conn.execute("ALTER SYSTEM RESET default_transaction_read_only")
            conn.execute("SELECT pg_reload_conf()")
    case.healed()


@row("postgresql", within=60, tmpfs=True)
def disk_full(case: Case) -> None:
    """PostgreSQL's disk full for 8 s (a small tmpfs)"""
    _slow_campaign(case, 120)
    ballast = Path(case.rig.folder) / "ballast"
    _fill(ballast)
    try:
        until = time.monotonic() + 8
        while time.monotonic() < until:
            with suppress(psycopg.Error), case.rig.servers.superuser() as conn:
                # Writes of our own make sure that the last free page is found.
                conn.execute("CREATE TABLE IF NOT EXISTS ballast (x text)")
                conn.execute("INSERT INTO ballast SELECT repeat('x', 900)"
                             " FROM generate_series(1, 20000)")  # fmt: skip
            time.sleep(0.5)
    finally:
        ballast.unlink()
    server = case.rig.servers.postgres
    if not server.running:
        server.start()
        case.note("PostgreSQL had given up and was started again")
    case.rig.servers.wait_postgres()
    with case.rig.servers.superuser() as conn:
        conn.execute("DROP TABLE IF EXISTS ballast")
    case.healed()


def _fill(path: Path) -> None:
    """Everything but a megabyte."""
    status = os.statvfs(path.parent)
    size = status.f_bavail * status.f_frsize - 1024 * 1024
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
