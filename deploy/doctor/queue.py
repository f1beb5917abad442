"""The queue: Redis itself, and whether those who should take work from it do."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from celery_config import make_celery
from deploy.doctor.finding import Finding
from shared.coordination.redis_client import make_redis
from shared.db import health
from shared.db.pool import ENGINE_ROLE, connection_options
from shared.queue.names import Queue, TaskName
from shared.settings import Settings

_SKEW_SECONDS: Final = 5.0
_FULL: Final = 0.7
_WATCHED_SECONDS: Final = 2.5
_LONG: Final = 10_000
_ANSWER_SECONDS: Final = 1.5


def look(settings: Settings) -> Iterator[Finding]:
    """Version, clock, memory, persistence; then the processes."""
    try:
        with make_redis(settings.redis_url.get_secret_value()) as redis:
            yield from _server(redis)
            yield from _workers(settings, redis)
    except RedisError as exc:
        yield Finding(
            "Redis",
            False,
            str(exc) or repr(exc),
            "Start it or correct REDIS_URL. Nothing is lost meanwhile, and nothing is sent; "
            "workers cannot be asked how they are.",
        )


def _server(redis: Redis) -> Iterator[Finding]:
    told: dict[str, Any] = redis.info()
    policy = told.get("maxmemory_policy", "noeviction")
    version = told.get("valkey_version") or told.get("redis_version")
    yield Finding(
        "Redis",
        policy == "noeviction",
        f"version {version}, maxmemory-policy {policy}",
        "Set maxmemory-policy to noeviction: an evicted queue loses work until the sweep.",
    )
    seconds, micros = redis.time()
    skew = abs(time.time() - (seconds + micros / 1e6))
    yield Finding(
        "Redis clock",
        skew < _SKEW_SECONDS,
        f"{skew:.1f} s from ours",
        "Set both clocks by NTP; sign-in limits and tickets are timed there.",
    )
    used, limit = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    share = used / limit if limit else 0.0
    yield Finding(
        "Redis memory",
        share < _FULL,
        f"{used // 2**20} MiB used of {f'{limit // 2**20} MiB' if limit else 'no limit'}",
        "Raise maxmemory or find what fills it: a full server refuses every write.",
    )
    yield Finding(
        "Redis persistence",
        bool(told.get("aof_enabled")),
        "append-only file is on" if told.get("aof_enabled") else "append-only file is off",
        "Set appendonly to yes: without it a restart empties the queue, and what was leased "
        "waits for the sweep (nothing is lost).",
    )


def _workers(settings: Settings, redis: Redis) -> Iterator[Finding]:
    """Who answers and who does not, whether the clock ticks, and whether a queue that holds work
    moves: some answer and take none."""
    connected = _connected(settings)
    watched = max(_WATCHED_SECONDS, 2.5 * settings.dispatch.tick_seconds)
    with make_celery(settings) as app:
        try:
            asked = app.control.inspect(timeout=_ANSWER_SECONDS).active_queues() or {}
            serving = {queue.value: _serving(asked, queue) for queue in Queue}
            before = {queue: _head(settings, redis, queue) for queue in serving}
            ticks = _ticks(app, serving[Queue.CONTROL.value])
            if serving[Queue.CONTROL.value] or any(before.values()):
                time.sleep(watched)
            ticks = _ticks(app, serving[Queue.CONTROL.value]) - ticks
        except RedisError:
            raise
        except Exception as exc:
            yield Finding("workers", False, repr(exc), "Check REDIS_URL and the server's limits.")
            return
    silent = [
        name
        for name in _connected(settings)
        if name in connected and not any(other.startswith(name) for other in asked)
    ]
    if serving[Queue.CONTROL.value]:  # else nobody counts
        yield Finding(
            "beat",
            ticks > 0,
            f"{ticks} ticks in {watched:g} s",
            "Start or restart `rapidflow beat`: without ticks nothing is dispatched or repaired.",
        )
    for queue, names in serving.items():
        command = "worker" if queue == Queue.SEND.value else "control"
        length = int(redis.llen(_key(settings, queue)))
        stuck = before[queue] is not None and before[queue] == _head(settings, redis, queue)
        found = f"{len(names)} `rapidflow {command}` answer, {length} tasks wait"
        deaf = [name for name in silent if name.startswith(f"{command}-")]
        if deaf:
            yield Finding(
                command,
                False,
                f"{found}; connected, but without an answer: {', '.join(deaf)}",
                "It hangs or is stopped (or is ending, which takes up to 85 s): end it by SIGTERM, "
                f"then SIGKILL, and start `rapidflow {command}`. Leases bring back what it held.",
            )
        elif not names:
            yield Finding(command, False, found, f"Start `rapidflow {command}`.")
        elif stuck:
            yield Finding(
                command,
                False,
                f"{found}, none was taken in {watched:g} s",
                f"They are deaf or busy: restart `rapidflow {command}`, or start more of them.",
            )
        else:
            yield Finding(command, length < _LONG, found, f"Start more `rapidflow {command}`.")


def _serving(asked: Mapping[str, Sequence[Mapping[str, Any]]], queue: Queue) -> list[str]:
    return [name for name, queues in asked.items() if queue.value in {q["name"] for q in queues}]


def _ticks(app: Celery, names: Sequence[str]) -> int:
    """How many ticks these processes have taken since they began."""
    if not names:
        return 0
    inspect = app.control.inspect(names, timeout=_ANSWER_SECONDS, limit=len(names))
    told = inspect.stats() or {}
    return sum(one["total"].get(TaskName.TICK.value, 0) for one in told.values())


def _connected(settings: Settings) -> list[str]:
    """Processes of the engine that the database sees; it has a finding of its own if it is away."""
    options = connection_options(ENGINE_ROLE, settings.pool)
    try:
        with psycopg.connect(
            settings.database_url.get_secret_value(), options=options, connect_timeout=5
        ) as conn:
            return health.list_engine_processes(conn)
    except psycopg.Error:
        return []


def _key(settings: Settings, queue: str) -> str:
    return f"{settings.environment}:queue:{queue}"


def _head(settings: Settings, redis: Redis, queue: str) -> bytes | str | None:
    """The task that is next; None where the queue is empty."""
    return redis.lindex(_key(settings, queue), -1)
