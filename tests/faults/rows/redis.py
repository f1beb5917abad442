"""Redis away, frozen, full, flushed, and started empty again and again."""

import signal
import time

from tests.faults.case import Case
from tests.faults.proxy import Mode
from tests.faults.registry import lease, row

_ANSWER_SECONDS = 3.0
_FLOW_SECONDS = 30.0


def _api_keeps_its_word(case: Case) -> None:
    """With Redis in trouble: reads answer, a write is whole or refused, health says what is so."""
    client = case.rig.client
    for path, status in (("/api/campaigns?limit=5", 200), ("/health/live", 200),
                         ("/health/ready", 503)):  # fmt: skip
        began = time.monotonic()
        answer = client.get(path)
        took = time.monotonic() - began
        case.expect(answer.status_code == status, f"{path} answered {answer.status_code}")
        case.expect(took < _ANSWER_SECONDS, f"{path} took {took:.1f} s")
    body = case.body(case.people(6), [])
    del body["config"]["instances"]
    began = time.monotonic()
    answer = client.post("/api/campaigns", json=body)
    took = time.monotonic() - began
    case.expect(took < _ANSWER_SECONDS, f"POST took {took:.1f} s")
    named = case.rig.rows("SELECT 1 FROM campaigns WHERE name = %s", body["name"])
    if answer.status_code == 201:
        case.adopt(body, answer.json())
    else:
        code = answer.json()["error"]["code"]
        case.expect(
            answer.status_code == 503 and code == "broker_unavailable",
            f"POST answered {answer.status_code} {code}",
        )
        case.expect("Retry-After" in answer.headers, "no Retry-After")
        case.expect(not named, "half a campaign was kept")
    began = time.monotonic()
    login = client.post("/api/auth/login", json={"email": "a@example.com", "password": "x" * 12})
    case.expect(login.status_code == 503, f"login answered {login.status_code}")
    took = time.monotonic() - began
    case.expect(took < _ANSWER_SECONDS, f"login took {took:.1f} s")


def _expect_flow(case: Case) -> None:
    """New sends within half a minute of the fault's end."""
    case.healed()
    before, began = case.count("sent"), time.monotonic()
    fresh = case.campaign(3, instances=1)
    case.rig.wait(
        lambda: bool(
            case.rig.rows(
                "SELECT 1 FROM campaign_counters WHERE campaign_id = %s AND sent > 0",
                fresh.campaign_id,
            )
        ),
        "nothing new was sent",
        seconds=_FLOW_SECONDS * 2,
    )
    took = time.monotonic() - began
    case.note(f"new sends after {took:.1f} s ({case.count('sent') - before} by then)")
    case.expect(took <= _FLOW_SECONDS, f"new sends only after {took:.1f} s")


def _slow_campaign(case: Case, contacts: int = 80) -> None:
    case.rig.sandbox.tune(latency_ms=100)
    case.campaign(contacts)
    case.wait_sent(6)


@row("redis", within=90)
def redis_away(case: Case) -> None:
    """Redis away for 8 s"""
    _slow_campaign(case)
    case.rig.redis.set(Mode.REFUSE)
    until = time.monotonic() + 8
    _api_keeps_its_word(case)
    time.sleep(max(until - time.monotonic(), 0))
    case.rig.redis.set(Mode.PASS)
    _expect_flow(case)


@row("redis", within=90)
def redis_frozen(case: Case) -> None:
    """Redis frozen for 8 s: accepts, answers nothing"""
    _slow_campaign(case)
    case.rig.redis.set(Mode.FREEZE)
    until = time.monotonic() + 8
    _api_keeps_its_word(case)
    time.sleep(max(until - time.monotonic(), 0))
    case.rig.redis.set(Mode.PASS)
    _expect_flow(case)


@row("redis", within=90)
def redis_stopped(case: Case) -> None:
    """Redis process stopped (SIGSTOP) for 8 s"""
    _slow_campaign(case)
    case.rig.servers.valkey.pause()
    try:
        time.sleep(8)
    finally:
        case.rig.servers.valkey.resume()
    _expect_flow(case)


@row("redis", within=90)
def redis_full(case: Case) -> None:
    """Redis full (maxmemory) for 6 s"""
    _slow_campaign(case)
    with case.rig.servers.redis() as redis:
        redis.config_set("maxmemory", "1")
        body = case.body(case.people(6), [case.rig.instance()])
        answer = case.rig.client.post("/api/campaigns", json=body)
        case.expect(answer.status_code == 201, f"POST answered {answer.status_code}")
        if answer.status_code == 201:
            case.adopt(body, answer.json())
        time.sleep(6)
        redis.config_set("maxmemory", "0")
    _expect_flow(case)


@row("redis", within=lease, short=True)
def redis_flushed(case: Case) -> None:
    """FLUSHALL in the middle, three times"""
    _slow_campaign(case, 60)
    with case.rig.servers.redis() as redis:
        for _ in range(3):
            redis.flushall()
            time.sleep(0.3)
    case.healed()


@row("redis", within=90)
def redis_clients_killed(case: Case) -> None:
    """CLIENT KILL of everybody, five times"""
    _slow_campaign(case)
    with case.rig.servers.redis() as redis:
        for _ in range(5):
            for kind in ("normal", "pubsub"):
                redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            time.sleep(0.4)
    _expect_flow(case)


@row("redis", within=90, real=True)
def redis_restarted_empty(case: Case) -> None:
    """Redis restarted empty three times in ten seconds"""
    _slow_campaign(case, 120)
    for _ in range(3):
        case.rig.servers.restart_valkey_empty()
        time.sleep(2)
    _expect_flow(case)


@row("redis", within=90)
def redis_killed_for_ten_seconds(case: Case) -> None:
    """Redis killed, ten seconds later back with its file"""
    _slow_campaign(case)
    case.rig.servers.valkey.stop(signal.SIGKILL)
    time.sleep(10)
    case.rig.servers.valkey.start()
    _expect_flow(case)
