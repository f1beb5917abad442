"""What the engine works with, opened once per process and handed to every use case."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from redis import Redis

from shared.coordination.redis_client import make_redis
from shared.db.pool import ENGINE_ROLE, Pool, check_role, connection, make_pool
from shared.domain.backoff import BackoffPolicy
from shared.domain.breaker import BreakerPolicy
from shared.events.publish import EventPublisher
from shared.observability import tracing
from shared.providers.evolution import Instance
from shared.security.instance_secrets import unseal
from shared.security.phone_hashes import PhoneHashes
from shared.security.sealing import Sealer
from shared.settings import Settings
from worker.outlet import EventOutlet


class SealedInstance(Protocol):
    """A row that holds an instance's sealed token."""

    @property
    def tenant_id(self) -> int: ...
    @property
    def public_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def token(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Deps:
    """Resources of a worker or control process."""

    settings: Settings
    pool: Pool
    redis: Redis
    outlet: EventOutlet
    sealer: Sealer
    hash_phone: PhoneHashes

    @property
    def backoff(self) -> BackoffPolicy:
        """Retry waits, from the settings."""
        knobs = self.settings.backoff
        return BackoffPolicy(
            _seconds(knobs.base_seconds), _seconds(knobs.ceiling_seconds), knobs.retries
        )

    @property
    def breaker(self) -> BreakerPolicy:
        """When instances rest, from the settings."""
        knobs = self.settings.breaker
        return BreakerPolicy(knobs.errors_allowed, knobs.open_seconds, knobs.ceiling_seconds)

    @property
    def quiet_seconds(self) -> float:
        """From the start of an attempt until its doubt is first looked up."""
        return (
            self.settings.delivery.call_deadline_seconds
            + self.settings.evidence.quiet_margin_seconds
        )

    @property
    def open_seconds(self) -> float:
        """From the start of an attempt until the sweep takes its worker for dead."""
        knobs = self.settings.delivery
        return knobs.call_deadline_seconds + knobs.lease_margin_seconds

    def credentials(self, row: SealedInstance) -> Instance:
        """Name and key of an instance, its sealed token opened."""
        token = unseal(
            self.sealer,
            row.token,
            column="token",
            tenant_id=row.tenant_id,
            public_id=row.public_id,
        )
        return Instance(row.name, token)

    def close(self) -> None:
        """Publish what is left and let go of the connections."""
        self.outlet.close()
        self.pool.close()
        self.redis.close()


def open_deps(settings: Settings, *, name: str, process: str = "") -> Deps:
    """Open pool, Redis and outlet; call it after the process has forked. `process`: its own name.

    Raises:
        SettingsError: the database role is not bound by row-level security.
        TemporarilyUnavailable: the database does not answer.
    """
    pool = make_pool(
        settings.database_url.get_secret_value(),
        ENGINE_ROLE,
        settings.pool,
        size=settings.pool.engine_size,
        name=name,
        process=process,
    )
    pool.open()
    with connection(pool) as conn:
        check_role(conn)
    redis = make_redis(settings.redis_url.get_secret_value())
    publisher = _publisher(redis, settings.environment)
    key = settings.encryption_key.get_secret_value()
    outlet = EventOutlet(publisher, pool)
    return Deps(settings, pool, redis, outlet, Sealer(key), PhoneHashes(key))


def _publisher(redis: Redis, environment: str) -> EventPublisher:
    if tracing.is_on():
        from worker.traced_sending import TracedPublisher  # only where it is on

        return TracedPublisher(redis, environment)
    return EventPublisher(redis, environment)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
