"""Whether one more socket of a user fits, counted over all gateway processes.

Without Redis each process counts alone, and tells what it holds as soon as Redis is back.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from api.sockets.client import Client
from api.sockets.hub import Hub
from shared.coordination.gateways import ANNOUNCE_SECONDS, Gateways
from shared.coordination.tickets import TicketIdentity
from shared.observability.logging import get_logger
from shared.settings import GatewaySettings

log = get_logger(__name__)

_REST_SECONDS: Final = 2.0  # how long Redis is left alone after it failed
_TELL_ALL_SECONDS: Final = 60.0


class Places:
    """One per process; all methods may be called from any thread."""

    def __init__(
        self,
        hub: Hub,
        gateways: Gateways,
        limits: GatewaySettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._gateways = gateways
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()  # counts reach Redis in the order they changed
        self._rest_until = 0.0
        self._announced_at = -ANNOUNCE_SECONDS
        self._told_at = 0.0
        self._behind = True  # Redis has not been told all we hold
        self._told: set[tuple[int, int]] = set()  # users Redis may hold a count of
        self._closed = False

    def take(self, client: Client, identity: TicketIdentity) -> bool:
        """A place for a socket that says whose it is; False if there are too many."""
        with self._lock:
            if not self._hub.identify(client, identity):
                return False
            self._told.add((identity.tenant_id, identity.user_id))
            granted = self._claim(identity)
            if not granted:
                self._hub.disown(client)
            return granted

    def give_back(self, identity: TicketIdentity) -> None:
        """A socket of this user has left the hub."""
        with self._lock:
            if self._closed or self._resting():
                self._behind = True
                return
            holding = self._hub.holding(identity.tenant_id, identity.user_id)
            self._try(lambda: self._gateways.tell([holding]))

    def refresh(self) -> None:
        """Announce this process when that is due; the keeper calls it often."""
        now = self._clock()
        if now - self._announced_at < ANNOUNCE_SECONDS:
            return
        self._announced_at = now
        with self._lock:
            if not self._closed and not self._resting():
                self._try(self._announce)

    def close(self) -> None:
        """No more sockets here: what this process held is free for others at once."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._try(self._gateways.withdraw)

    def _claim(self, identity: TicketIdentity) -> bool:
        if self._resting():
            self._behind = True
            return True
        holding = self._hub.holding(identity.tenant_id, identity.user_id)
        try:
            return self._gateways.claim(
                holding,
                user_limit=self._limits.sockets_per_user,
                tenant_limit=self._limits.sockets_per_tenant,
            )
        except RedisError as exc:
            self._failed(exc)
            return True

    def _announce(self) -> None:
        forgotten = self._gateways.announce(self._hub.stats())
        now = self._clock()
        if forgotten or self._behind or now - self._told_at > _TELL_ALL_SECONDS:
            self._gateways.tell([self._hub.holding(*user) for user in sorted(self._told)])
            self._told = self._hub.users()
            self._behind, self._told_at = False, now

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except RedisError as exc:
            self._failed(exc)

    def _failed(self, error: RedisError) -> None:
        self._behind = True
        self._rest_until = self._clock() + _REST_SECONDS
        log.warning("sockets_counted_alone", error=type(error).__name__)

    def _resting(self) -> bool:
        return self._clock() < self._rest_until
