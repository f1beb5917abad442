"""Servers given by URL: tried once before anything starts, refused in one sentence."""

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.errors import LocalError

PATIENCE_SECONDS = 5

_DATABASE_REASONS = (
    ("password authentication failed", "the user or the password is wrong"),
    ("no password supplied", "the password is missing"),
    ("Connection refused", "nothing listens there"),
    ("timeout expired", "the server does not answer"),
    ("could not translate host name", "the host name is unknown"),
    ("failed to resolve host", "the host name is unknown"),
)


def check_database(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_SECONDS) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise LocalError(
            f"DATABASE_URL does not work: {database_reason(str(error))}. "
            "Correct it, or remove it to use the embedded PostgreSQL."
        ) from error


def database_reason(text: str) -> str:
    """libpq's paragraph in a few words."""
    for mark, reason in _DATABASE_REASONS:
        if mark in text:
            return reason
    first = next((line for line in text.splitlines() if line.strip()), "no reason given")
    return first.split("FATAL:")[-1].strip().rstrip(".")


def check_redis(url: str) -> None:
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, ValueError, OSError) as error:
        raise LocalError(
            f"REDIS_URL does not work: {redis_reason(error)}. "
            "Correct it, or remove it to use the embedded Valkey."
        ) from error


def redis_reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, redis.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
        return "the user or the password is wrong"
    if "refused" in text:
        return "nothing listens there"
    if isinstance(error, redis.TimeoutError):
        return "the server does not answer"
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
