"""Random faults from a seed: kills of random processes, or everything at once for minutes.

The seed fixes which fault comes when, so a run that breaks a promise can be played again; what the
processes were doing at that moment is theirs to choose.
"""

import contextlib
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable

import psycopg
from redis.exceptions import RedisError

from tests.faults.case import Case, Outcome
from tests.faults.proxy import Mode
from tests.faults.registry import doubt
from tests.faults.rig import STANDARD, Rig

Say = Callable[[str], None]

_PROCESSES = (*STANDARD, "worker-2", "control-2")
_INSTANCES = 10


def kills(rig: Rig, *, count: int, seed: int | None, say: Say, messages: int = 0) -> Outcome:
    """`count` random kill -9 during a set of campaigns, 25 messages for each (200: 5,000)."""
    dice, outcome, case = _begin(rig, f"{count} random kill -9", seed, say)
    messages = messages or count * 25
    rig.sandbox.tune(latency_ms=60)
    instances = [rig.instance() for _ in range(_INSTANCES)]
    # The campaigns last about as long as the kills, by their pace.
    _set_rate(rig, messages / _INSTANCES / (count * 0.7))
    for instance in instances:
        case.campaign(messages // _INSTANCES, instances=[instance])
    case.wait_sent(1)
    hit: Counter[str] = Counter()
    in_flight = 0
    for number in range(count):
        name = dice.choice(_PROCESSES)
        time.sleep(dice.uniform(0.4, 2.0))
        rig.kill(name)
        hit[name.partition("-")[0]] += 1
        if name.startswith("worker"):
            in_flight += _sending(rig)
        rig.start(name)
        if number % 20 == 19:
            say(f"{number + 1} kills, {case.count('sent')} of {messages} sent")
    _set_rate(rig, 200)
    case.healed()
    case.max_doubts = in_flight
    case.note(f"killed {dict(hit)}; {in_flight} in flight when a worker was")
    return _end(case, outcome, messages)


def soak(rig: Rig, *, minutes: float, seed: int | None, say: Say) -> Outcome:
    """Faults of every kind for so many minutes, a new campaign every ten seconds or so."""
    dice, outcome, case = _begin(rig, f"soak of {minutes:g} minutes", seed, say)
    case.max_doubts = None
    rig.sandbox.tune(latency_ms=60)
    until = time.monotonic() + minutes * 60
    next_campaign = 0.0
    done: Counter[str] = Counter()
    names = sorted(_FAULTS)
    while time.monotonic() < until:
        name = dice.choice(names)
        pause = dice.uniform(0.5, 3)
        say(f"{time.monotonic() - until + minutes * 60:6.1f} s  {name}")
        _FAULTS[name](rig, dice)
        done[name] += 1
        time.sleep(pause)
        if time.monotonic() >= next_campaign:
            with contextlib.suppress(AssertionError, Exception):
                case.campaign(dice.randint(20, 120))
                next_campaign = time.monotonic() + 10
    rig.heal()
    case.healed()
    case.note(f"faults {dict(done)}")
    return _end(case, outcome, sum(len(one.phones) for one in case.campaigns))


def _begin(rig: Rig, name: str, seed: int | None, say: Say) -> tuple[random.Random, Outcome, Case]:
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    say(f"{name}: seed {seed}")
    outcome = Outcome(f"{name} (seed {seed})", "storm")
    rig.heal()
    for extra in ("worker-2", "control-2"):
        rig.start(extra)
    return random.Random(seed), outcome, Case(rig, outcome)  # noqa: S311  no secret


def _end(case: Case, outcome: Outcome, messages: int) -> Outcome:
    # What is left of the campaigns is sent after the storm; the repair itself is as quick as ever.
    outcome.within_seconds = doubt(case.rig.times) + 20 + messages / 20
    try:
        case.settle()
        case.account()
    except Exception as error:
        outcome.problems.append(f"{type(error).__name__}: {error}".splitlines()[0])
        outcome.notes.append(case.rig.stack.tail())
    return outcome


def _set_rate(rig: Rig, per_second: float) -> None:
    with rig.servers.superuser() as conn:
        conn.execute("UPDATE plans SET messages_per_second = %s", (per_second,))


def _sending(rig: Rig) -> int:
    ((count,),) = rig.rows("SELECT count(*) FROM messages WHERE status = 'sending'")
    return int(str(count))


def _kill(rig: Rig, dice: random.Random) -> None:
    name = dice.choice(_PROCESSES)
    rig.kill(name)
    rig.start(name)


def _terminate(rig: Rig, dice: random.Random) -> None:
    name = dice.choice(_PROCESSES)
    rig.stack.stop(name)
    rig.start(name)


def _stop(rig: Rig, dice: random.Random) -> None:
    pid = rig.stack.processes[dice.choice(_PROCESSES)].pid
    seconds = dice.uniform(1, 9)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def _flush(rig: Rig, _dice: random.Random) -> None:
    with contextlib.suppress(RedisError), rig.servers.redis() as redis:
        redis.flushall()


def _restart_redis_empty(rig: Rig, _dice: random.Random) -> None:
    rig.servers.restart_valkey_empty()


def _freeze_redis(rig: Rig, dice: random.Random) -> None:
    seconds = dice.uniform(1, 8)
    rig.redis.set(Mode.FREEZE)
    time.sleep(seconds)
    rig.redis.set(Mode.PASS)


def _terminate_backends(rig: Rig, _dice: random.Random) -> None:
    with contextlib.suppress(psycopg.Error), rig.servers.superuser() as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'rapidflow-%%'"
        )


def _stop_postgres(rig: Rig, dice: random.Random) -> None:
    seconds = dice.uniform(0, 5)
    rig.servers.postgres.stop(signal.SIGQUIT)
    time.sleep(seconds)
    rig.servers.postgres.start()


def _cut_commits(rig: Rig, dice: random.Random) -> None:
    proxy = rig.postgres[dice.choice(sorted(rig.postgres))]
    proxy.cut_on(b"COMMIT", times=dice.randint(1, 5), delivers=dice.random() < 0.5)


def _reset_provider(rig: Rig, _dice: random.Random) -> None:
    rig.evolution.reset_all()


def _freeze_provider(rig: Rig, dice: random.Random) -> None:
    seconds = dice.uniform(1, 5)
    rig.evolution.set(Mode.FREEZE)
    time.sleep(seconds)
    rig.evolution.set(Mode.PASS)


_FAULTS: dict[str, Callable[[Rig, random.Random], None]] = {
    "kill -9": _kill,
    "SIGTERM": _terminate,
    "SIGSTOP": _stop,
    "FLUSHALL": _flush,
    "Redis restarted empty": _restart_redis_empty,
    "Redis frozen": _freeze_redis,
    "backends terminated": _terminate_backends,
    "PostgreSQL stopped": _stop_postgres,
    "commits cut": _cut_commits,
    "provider resets": _reset_provider,
    "provider frozen": _freeze_provider,
}
