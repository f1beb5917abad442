"""The queue: Redis itself, and whether those who should take work from it do."""

import time
from collections.abc import Iterator
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from celery_config import make_celery
from deploy.doctor.finding import Finding
from shared.coordination.redis_client import make_redis
from shared.queue.names import Queue
from shared.settings import Settings

_SKEW_SECONDS: Final = 5.0
_FULL: Final = 0.7
_WATCHED_SECONDS: Final = 2.0
_LONG: Final = 10_000
_ANSWER_SECONDS: Final = 1.5


def look(settings: Settings) -> Iterator[Finding]:
    """Version, clock, memory, persistence; then the processes."""
    try:
        with make_redis(settings.redis_url.get_secret_value()) as redis:
            yield from _server(redis)
            yield from _workers(settings, redis)
    except RedisError as exc:
        yield Finding("Redis", False, repr(exc), "Check REDIS_URL and that the server runs.")


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
    """Who answers, and whether a queue that holds work moves: the deaf answer and take none."""
    with make_celery(settings) as app:
        try:
            asked = app.control.inspect(timeout=_ANSWER_SECONDS).active_queues() or {}
        except Exception as exc:
            yield Finding("workers", False, repr(exc), "Check REDIS_URL and the server's limits.")
            return
    serving = {
        queue: [name for name, queues in asked.items() if queue in {one["name"] for one in queues}]
        for queue in (Queue.SEND.value, Queue.CONTROL.value)
    }
    before = {queue: _head(settings, redis, queue) for queue in serving}
    if any(before.values()):
        time.sleep(_WATCHED_SECONDS)
    for queue, names in serving.items():
        command = "worker" if queue == Queue.SEND.value else "control"
        length = int(redis.llen(_key(settings, queue)))
        stuck = before[queue] is not None and before[queue] == _head(settings, redis, queue)
        found = f"{len(names)} `rapidflow {command}` answer, {length} tasks wait"
        if not names:
            yield Finding(command, False, found, f"Start `rapidflow {command}`.")
        elif stuck:
            yield Finding(
                command,
                False,
                f"{found}, none was taken in {_WATCHED_SECONDS:.0f} s",
                f"They are deaf or busy: restart `rapidflow {command}`, or start more of them.",
            )
        else:
            yield Finding(command, length < _LONG, found, f"Start more `rapidflow {command}`.")


def _key(settings: Settings, queue: str) -> str:
    return f"{settings.environment}:queue:{queue}"


def _head(settings: Settings, redis: Redis, queue: str) -> bytes | str | None:
    """The task that is next; None where the queue is empty."""
    return redis.lindex(_key(settings, queue), -1)
