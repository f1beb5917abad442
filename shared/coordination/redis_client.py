"""The Redis client of request and send paths: every wait is bounded by about a second."""

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry


def make_redis(url: str, *, max_connections: int = 64) -> Redis:
    """A client that connects on first use and gives up after one short retry.

    The server being away raises `redis.exceptions.RedisError` within about two seconds.
    """
    return Redis.from_url(
        url,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
        max_connections=max_connections,
        protocol=3,
    )
