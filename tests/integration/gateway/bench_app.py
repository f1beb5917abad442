"""The smallest app around `/ws`, for gunicorn: the extension api.app leaves, and /health."""

import os
from dataclasses import dataclass

from flask import Flask
from redis import Redis

from api.gateway import register_gateway, socket_stats
from shared.coordination.redis_client import make_redis
from shared.db.pool import APP_ROLE, Pool, make_pool
from shared.settings import Settings, settings


@dataclass
class Services:
    settings: Settings
    pool: Pool
    redis: Redis


def app() -> Flask:
    """Called by each worker."""
    given = settings()
    pool = make_pool(
        given.database_url.get_secret_value(), APP_ROLE, given.pool, size=4, name="test"
    )
    pool.open()
    flask = Flask(__name__)
    flask.extensions["rapidflow"] = Services(
        given, pool, make_redis(given.redis_url.get_secret_value())
    )
    register_gateway(flask)

    @flask.get("/health")
    def health() -> dict[str, int]:
        with open("/proc/self/status") as status:  # noqa: PTH123
            kilobytes = next(line for line in status if line.startswith("VmRSS")).split()[1]
        return {**socket_stats(), "pid": os.getpid(), "rss_kilobytes": int(kilobytes)}

    return flask
