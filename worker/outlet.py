"""Events on their way out: published after the commit, in order, off the send path.

One thread publishes whatever has gathered in one round trip, then marks it in the rows a little
later, many at a time. What it cannot publish stays unmarked for the relay. How far messages came
(receipts) goes out as totals, at most twice a second for each campaign.
"""

import queue
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection

from shared.db import events as stored_events
from shared.db.events import Audience, NamedContact, StoredEvents
from shared.db.pool import Pool, Row, connection
from shared.db.receipts import receipt_totals
from shared.errors import TemporarilyUnavailable
from shared.events.publish import EventPublisher
from shared.observability.logging import get_logger

log = get_logger(__name__)

_MARK_EVERY_SECONDS = 0.5
_RECEIPTS_EVERY_SECONDS = 0.5
_GATHER = 200


@dataclass(frozen=True, slots=True)
class Telling:
    """Events of one transaction; audience and contacts where the caller knows them already."""

    batches: Sequence[StoredEvents]
    audiences: Mapping[int, Audience] | None = None
    contacts: Mapping[tuple[int, int], NamedContact] | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Campaigns, as (tenant id, campaign id), of which receipts were counted."""

    campaigns: Collection[tuple[int, int]]


class EventOutlet:
    """Owned by one process; `tell` never blocks on Redis."""

    def __init__(self, publisher: EventPublisher, pool: Pool) -> None:
        self._publisher = publisher
        self._pool = pool
        self._waiting: queue.SimpleQueue[Telling | Counted | None] = queue.SimpleQueue()
        self._unmarked: list[StoredEvents] = []
        self._marked_at = time.monotonic()
        self._counted: set[tuple[int, int]] = set()
        self._receipts_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="event-outlet", daemon=True)
        self._thread.start()

    def tell(
        self,
        batches: Sequence[StoredEvents],
        audiences: Mapping[int, Audience] | None = None,
        contacts: Mapping[tuple[int, int], NamedContact] | None = None,
    ) -> None:
        """Publish soon; call it after the commit."""
        if batches:
            self._waiting.put(Telling(batches, audiences, contacts))

    def tell_receipts(self, campaigns: Collection[tuple[int, int]]) -> None:
        """Publish soon how far the messages of these campaigns came; call it after the commit."""
        if campaigns:
            self._waiting.put(Counted(campaigns))

    def publish_now(self, conn: Connection[Row], batches: Sequence[StoredEvents]) -> None:
        """Publish and mark in the caller's transaction: the relay's way, for rows it has locked."""
        audiences = stored_events.audiences(conn, batches)
        contacts = stored_events.named_contacts(conn, batches)
        if self._publisher.send(batches, audiences, contacts):
            stored_events.mark_published(conn, batches)

    def close(self) -> None:
        """Publish and mark what is waiting, then end."""
        self._waiting.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        open_ = True
        while open_:
            gathered, open_ = self._gather()
            try:
                for telling in gathered:
                    self._publish(telling)
                if not open_ or time.monotonic() - self._marked_at > _MARK_EVERY_SECONDS:
                    self._mark()
                if not open_ or time.monotonic() - self._receipts_at > _RECEIPTS_EVERY_SECONDS:
                    self._publish_receipts()
            except Exception:
                log.exception("events_left_to_relay")

    def _gather(self) -> tuple[list[Telling], bool]:
        """What is waiting, and whether to go on."""
        gathered: list[Telling] = []
        busy = self._unmarked or self._counted
        timeout: float | None = _MARK_EVERY_SECONDS if busy else None
        for _ in range(_GATHER):
            try:
                item = self._waiting.get(timeout=timeout)
            except queue.Empty:
                break
            timeout = 0.0
            if item is None:
                return _merged(gathered), False
            if isinstance(item, Counted):
                self._counted.update(item.campaigns)
            else:
                gathered.append(item)
        return _merged(gathered), True

    def _publish(self, telling: Telling) -> None:
        audiences, contacts = telling.audiences, telling.contacts
        if audiences is None or contacts is None:
            with connection(self._pool) as conn:
                audiences = stored_events.audiences(conn, telling.batches)
                contacts = stored_events.named_contacts(conn, telling.batches)
        if self._publisher.send(telling.batches, audiences, contacts):
            self._unmarked.extend(telling.batches)

    def _mark(self) -> None:
        self._marked_at = time.monotonic()
        if not self._unmarked:
            return
        published, self._unmarked = self._unmarked, []
        try:
            with connection(self._pool) as conn:
                stored_events.mark_published(conn, published)
        except TemporarilyUnavailable as exc:
            log.warning("events_not_marked", batches=len(published), error=exc.code)

    def _publish_receipts(self) -> None:
        if not self._counted:
            return
        counted, self._counted = self._counted, set()
        self._receipts_at = time.monotonic()
        try:
            with connection(self._pool) as conn:
                totals = receipt_totals(conn, counted)
        except TemporarilyUnavailable as exc:
            log.warning("receipts_not_published", campaigns=len(counted), error=exc.code)
        else:
            self._publisher.send_receipts(totals)


def _merged(tellings: Sequence[Telling]) -> list[Telling]:
    """Neighbours that know their contacts go out in one round trip; order is kept."""
    merged: list[Telling] = []
    for telling in tellings:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.audiences is not None
            and last.contacts is not None
            and telling.audiences is not None
            and telling.contacts is not None
        ):
            merged[-1] = Telling(
                [*last.batches, *telling.batches],
                {**last.audiences, **telling.audiences},
                {**last.contacts, **telling.contacts},
            )
        else:
            merged.append(telling)
    return merged
