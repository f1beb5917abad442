"""The Redis client of request and send paths: every wait is bounded by about a second."""

from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry


def make_redis(url: str, *, max_connections: int = 64) -> Redis:
    """A client that connects on first use.

    A dropped connection is tried once more, a frozen server is not: either way a
    `redis.exceptions.RedisError` comes within about a second.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        timeout=1.0,  # many threads at once wait for a connection instead of going without Redis
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(
            ExponentialBackoff(cap=0.1, base=0.02), 1, supported_errors=(RedisConnectionError,)
        ),
        max_connections=max_connections,
        protocol=3,
    )
    return Redis.from_pool(pool)
