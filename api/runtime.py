"""What requests work with: pools, Redis, keys. Nothing opens before a process's first use."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from flask import Flask, current_app
from redis import Redis

from api.load import Load
from api.producer import Producer
from api.socket_census import SocketCensus
from api.webhook_targets import WebhookTargets
from shared.coordination.gateways import NO_SOCKETS, Gateways, SocketStats
from shared.coordination.rate_limit import RequestLimits
from shared.coordination.redis_client import make_redis
from shared.db.pool import APP_ROLE, Pool, check_role, connection, make_pool
from shared.events.publish import EventPublisher
from shared.providers.evolution_admin import EvolutionAdmin
from shared.security.callbacks import CallbackTokens
from shared.security.passwords import Passwords
from shared.security.phone_hashes import PhoneHashes
from shared.security.sealing import Sealer
from shared.security.tokens import AccessTokens, Signer
from shared.settings import Settings

EXTENSION: Final = "rapidflow"
VERSION: Final = "3.0.0"


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts of one process; not to be carried over a fork."""

    pid: int
    pool: Pool
    redis: Redis
    limits: RequestLimits
    gateways: Gateways
    publisher: EventPublisher
    producer: Producer
    evolution: EvolutionAdmin
    webhook_targets: WebhookTargets


class Runtime:
    """`app.extensions["rapidflow"]`: settings and keys at once, connections on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started_at = datetime.now(UTC)
        self._started = time.monotonic()
        self.socket_stats: Callable[[], SocketStats] = lambda: NO_SOCKETS
        self._census = SocketCensus(lambda: self.open().gateways.stats_of_others())
        secret = settings.jwt_secret.get_secret_value()
        self.tokens = AccessTokens(
            secret,
            minutes=settings.auth.access_minutes,
            leeway_seconds=settings.auth.leeway_seconds,
        )
        self.cursors = Signer(secret, "cursor")
        self.callback_tokens = CallbackTokens(secret)
        self.passwords = Passwords(settings.auth.hashes_at_once)
        key = settings.encryption_key.get_secret_value()
        self.sealer = Sealer(key)
        self.hash_phone = PhoneHashes(key)
        self.exports = threading.BoundedSemaphore(4)
        self.load = Load()
        self.previews = threading.BoundedSemaphore(settings.model.previews_at_once)
        self._lock = threading.Lock()
        self._opened: Opened | None = None

    @property
    def uptime_seconds(self) -> int:
        """Since this process made its app."""
        return int(time.monotonic() - self._started)

    def all_socket_stats(self) -> SocketStats:
        """Sockets of this process and of all others that serve them."""
        return self._census.with_others(self.socket_stats())

    @property
    def pool(self) -> Pool:
        """Connections as rapidflow_app."""
        return self.open().pool

    @property
    def redis(self) -> Redis:
        """A client whose calls end within about a second."""
        return self.open().redis

    @property
    def limits(self) -> RequestLimits:
        """Request and login limits."""
        return self.open().limits

    @property
    def webhook_targets(self) -> WebhookTargets:
        """Whose webhooks are whose."""
        return self.open().webhook_targets

    @property
    def publisher(self) -> EventPublisher:
        """Publishes events after a commit."""
        return self.open().publisher

    @property
    def producer(self) -> Producer:
        """Rings doorbells."""
        return self.open().producer

    @property
    def evolution(self) -> EvolutionAdmin:
        """Instance administration at the provider."""
        return self.open().evolution

    def open(self) -> Opened:
        """Open this process's connections once; after a fork the child opens its own."""
        opened = self._opened
        if opened is not None and opened.pid == os.getpid():
            return opened
        with self._lock:
            if self._opened is None or self._opened.pid != os.getpid():
                self._opened = self._make()
            return self._opened

    def check(self) -> None:
        """Refuse to serve as a role that row-level security does not bind.

        Raises:
            SettingsError: the role is a superuser, owns the tables or bypasses it.
            TemporarilyUnavailable: the database cannot be reached.
        """
        with connection(self.pool) as conn:
            check_role(conn)

    def close(self) -> None:
        """End connections and threads of this process."""
        opened, self._opened = self._opened, None
        if opened is not None and opened.pid == os.getpid():
            opened.producer.close()
            opened.pool.close()
            opened.redis.close()
            opened.evolution.close()

    def _make(self) -> Opened:
        settings = self.settings
        pool = make_pool(
            settings.database_url.get_secret_value(),
            APP_ROLE,
            settings.pool,
            size=settings.pool.api_size,
            name="api",
        )
        pool.open()
        redis = make_redis(settings.redis_url.get_secret_value())
        return Opened(
            pid=os.getpid(),
            pool=pool,
            redis=redis,
            limits=RequestLimits(redis, settings.environment),
            gateways=Gateways(redis, settings.environment),
            publisher=EventPublisher(redis, settings.environment),
            producer=Producer(settings),
            evolution=EvolutionAdmin(
                settings.evolution_api_url, settings.evolution_api_key.get_secret_value()
            ),
            webhook_targets=WebhookTargets(pool, self.sealer),
        )


def runtime(app: Flask | None = None) -> Runtime:
    """The runtime of `app`, or of the app that handles this request."""
    return cast("Runtime", (app or current_app).extensions[EXTENSION])
