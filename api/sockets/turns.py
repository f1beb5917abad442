"""Sockets ask the database in turn: after a restart thousands come back at once, and each waits a
moment instead of being refused by a pool that REST needs too."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from psycopg import Connection

from shared.db.pool import Pool, Row, tenant_transaction
from shared.errors import TemporarilyUnavailable

_WAIT_SECONDS: Final = 15.0


class Database:
    """A pool of which sockets use at most `at_once` connections."""

    def __init__(self, pool: Pool, at_once: int) -> None:
        self.pool = pool
        self._turns = threading.BoundedSemaphore(max(1, at_once))

    @contextlib.contextmanager
    def turn(self) -> Iterator[Pool]:
        """The pool, when it is our turn.

        Raises:
            TemporarilyUnavailable: too many others were first.
        """
        if not self._turns.acquire(timeout=_WAIT_SECONDS):
            raise TemporarilyUnavailable(
                "The database is busy; try again in a moment.",
                code="database_unavailable",
                retry_after_seconds=2,
            )
        try:
            yield self.pool
        finally:
            self._turns.release()

    @contextlib.contextmanager
    def tenant(self, tenant_id: int) -> Iterator[Connection[Row]]:
        """One transaction that sees the rows of `tenant_id`."""
        with self.turn() as pool, tenant_transaction(pool, tenant_id) as conn:
            yield conn
