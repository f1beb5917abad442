"""Ends sockets whose time is over: server shutdown, end of session, account disabled or changed."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from api.sockets import store
from api.sockets.client import GOING_AWAY, UNAUTHENTICATED
from api.sockets.hub import Hub, Listener
from api.sockets.places import Places
from api.sockets.turns import Database
from shared.coordination.tickets import TicketIdentity
from shared.errors import TemporarilyUnavailable
from shared.observability.logging import get_logger

log = get_logger(__name__)

_LOOK_SECONDS: Final = 0.5
_SESSION_SECONDS: Final = 20.0  # changes take effect within 30

Owned = list[tuple[Listener, TicketIdentity]]


class Keeper:
    """One thread that looks at every socket of the process, so that none has to wake up for it."""

    def __init__(
        self,
        hub: Hub,
        database: Database,
        places: Places,
        is_alive: Callable[[], bool],
        *,
        session_seconds: float = _SESSION_SECONDS,
    ) -> None:
        self._hub = hub
        self._database = database
        self._places = places
        self._is_alive = is_alive
        self._session_seconds = session_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="socket-keeper", daemon=True)

    def start(self) -> None:
        """Begin looking."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        checked_at = time.monotonic()
        self._places.refresh()
        while not self._stopping.wait(_LOOK_SECONDS):
            if not self._is_alive():
                self._end_all()
                continue
            self._places.refresh()
            if time.monotonic() - checked_at >= self._session_seconds:
                checked_at = time.monotonic()
                self._end_stale()

    def _end_all(self) -> None:
        self._places.close()
        for listener, _ in self._hub.listeners():
            listener.end(GOING_AWAY, "shutdown")

    def _end_stale(self) -> None:
        now = datetime.now(UTC)
        by_tenant: defaultdict[int, Owned] = defaultdict(list)
        for listener, identity in self._hub.listeners():
            if identity is None:
                continue
            if identity.expires_at is not None and identity.expires_at <= now:
                listener.end(UNAUTHENTICATED, "session")
            else:
                by_tenant[identity.tenant_id].append((listener, identity))
        for tenant_id, owned in by_tenant.items():
            try:
                self._end_revoked(tenant_id, owned)
            except TemporarilyUnavailable as exc:  # nothing can have been revoked meanwhile
                log.warning("sessions_not_checked", error=exc.code)
                return

    def _end_revoked(self, tenant_id: int, owned: Owned) -> None:
        user_ids = list({identity.user_id for _, identity in owned})
        sessions = store.find_sessions(self._database, tenant_id, user_ids)
        for listener, identity in owned:
            session = sessions.get(identity.user_id)
            if session is None or session.session_epoch != identity.session_epoch:
                listener.end(UNAUTHENTICATED, "session")
