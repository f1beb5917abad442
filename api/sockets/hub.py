"""Who watches what in this process, and the way of an event from the feed to their queues.

One lock guards the tables; nothing under it waits for a socket or the database.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from api.sockets.frames import CampaignKey, Receipts, Update
from api.sockets.ordering import Event, Sequencer
from api.sockets.store import LiveCampaign
from shared.coordination.gateways import Holding
from shared.coordination.tickets import TicketIdentity
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.settings import GatewaySettings

log = get_logger(__name__)

UserKey = tuple[int, int]  # tenant, user
LoadEvents = Callable[[int, int, int], list[Event] | None]
"""`(tenant_id, campaign_id, after_seq)`: what is kept past it; None: more than we replay."""

_IDLE_WATCH_SECONDS: Final = 3600.0
_PRUNE_SECONDS: Final = 300.0
_ASLEEP: Final = 1.0
_ALERT: Final = 0.1


class Listener(Protocol):
    """A socket, as the hub sees it; all of it may be called from any thread."""

    def offer(self, updates: Sequence[Update | Receipts], *, burst: bool = False) -> None:
        """Queue updates in order."""

    def resync(self, key: CampaignKey) -> None:
        """Ask for a new snapshot: events of this campaign are lost to us."""

    def end(self, code: int, reason: str) -> None:
        """Close the socket."""


@dataclass(slots=True, eq=False)
class _Watch:
    """A campaign somebody in this process looks at."""

    key: CampaignKey
    public_id: str
    user_id: int
    order: Sequencer
    used_at: float
    request_id: str | None
    listeners: set[Listener] = field(default_factory=set)
    unheard: bool = False  # the feed came back before the first snapshot was read


class Hub:
    """Subscriptions, ordering and fan-out of one process."""

    def __init__(
        self,
        limits: GatewaySettings,
        load_events: LoadEvents,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._load_events = load_events
        self._clock = clock
        self._lock = threading.RLock()
        self._listeners: dict[Listener, TicketIdentity | None] = {}
        self._by_tenant: dict[int, set[Listener]] = {}
        self._by_user: dict[UserKey, set[Listener]] = {}
        self._followers: dict[UserKey, set[Listener]] = {}
        self._watches: dict[CampaignKey, _Watch] = {}
        self._watched_by: dict[Listener, set[CampaignKey]] = {}
        self._gaps: queue.SimpleQueue[tuple[CampaignKey, int] | None] = queue.SimpleQueue()
        self._pruned_at = clock()

    # --- sockets

    def admit(self, listener: Listener) -> bool:
        """Take in a new socket; False if this process has all it may have."""
        with self._lock:
            if len(self._listeners) >= self._limits.sockets_per_process:
                return False
            self._listeners[listener] = None
            self._watched_by[listener] = set()
            return True

    def identify(self, listener: Listener, identity: TicketIdentity) -> bool:
        """Say whose socket this is; False if the user or the tenant has too many here."""
        user = (identity.tenant_id, identity.user_id)
        with self._lock:
            held = self._holding(user)
            full = (
                held.of_user >= self._limits.sockets_per_user
                or held.of_tenant >= self._limits.sockets_per_tenant
            )
            if full or listener not in self._listeners:
                return False
            self._by_user.setdefault(user, set()).add(listener)
            self._by_tenant.setdefault(identity.tenant_id, set()).add(listener)
            self._listeners[listener] = identity
            return True

    def disown(self, listener: Listener) -> None:
        """It belongs to nobody after all."""
        with self._lock:
            identity = self._listeners.get(listener)
            if identity is not None:
                self._listeners[listener] = None
                self._forget_owner(listener, identity)

    def holding(self, tenant_id: int, user_id: int) -> Holding:
        """How many sockets of a user are here."""
        with self._lock:
            return self._holding((tenant_id, user_id))

    def users(self) -> set[UserKey]:
        """Whose sockets are here."""
        with self._lock:
            return set(self._by_user)

    def leave(self, listener: Listener) -> None:
        """Forget a socket and everything it watched."""
        with self._lock:
            identity = self._listeners.pop(listener, None)
            for key in self._watched_by.pop(listener, set()):
                self._unwatch(listener, key)
            if identity is None:
                return
            self._unfollow(listener, (identity.tenant_id, identity.user_id))
            self._forget_owner(listener, identity)

    def listeners(self) -> list[tuple[Listener, TicketIdentity | None]]:
        """Every socket, and who it belongs to once that is known."""
        with self._lock:
            return list(self._listeners.items())

    def stats(self) -> dict[str, int]:
        """The numbers `/health` shows, of this process."""
        with self._lock:
            return {
                "totalConnections": len(self._listeners),
                "subscribedUsers": len(self._followers),
                "subscribedCampaigns": sum(1 for w in self._watches.values() if w.listeners),
            }

    # --- subscriptions: register first, read the snapshot, then say where it stands (`baseline`)

    def watch(
        self,
        listener: Listener,
        key: CampaignKey,
        public_id: str,
        user_id: int,
        request_id: str | None = None,
    ) -> bool:
        """From now on `listener` gets this campaign's events; False if it watches too many."""
        with self._lock:
            watched = self._watched_by.get(listener)
            if watched is None:
                return False
            if key not in watched and len(watched) >= self._limits.subscriptions_per_socket:
                return False
            watched.add(key)
            self._watch_of(key, public_id, user_id, request_id).listeners.add(listener)
            return True

    def baseline(self, key: CampaignKey, last_seq: int) -> None:
        """A snapshot said that `last_seq` is the last event it holds."""
        with self._lock:
            watch = self._watches.get(key)
            if watch is None:
                return
            self._emit(watch, watch.order.start(last_seq, self._clock()))
            if watch.unheard:
                watch.unheard = False
                self._ask_for_gap(watch)

    def unwatch(self, listener: Listener, key: CampaignKey) -> None:
        """No more events of this campaign, unless its owner is followed."""
        with self._lock:
            self._watched_by.get(listener, set()).discard(key)
            self._unwatch(listener, key)

    def follow(self, listener: Listener, user: UserKey) -> None:
        """From now on `listener` gets the events of all campaigns of `user`."""
        with self._lock:
            if listener in self._listeners:
                self._followers.setdefault(user, set()).add(listener)

    def baselines(self, user: UserKey, live: Iterable[LiveCampaign]) -> None:
        """Where the recent campaigns of a followed user stand."""
        with self._lock:
            if user not in self._followers:
                return
            for campaign in live:
                key = (user[0], campaign.campaign_id)
                self._watch_of(key, campaign.public_id, campaign.user_id, campaign.request_id)
                self.baseline(key, campaign.seq)

    def unfollow(self, listener: Listener, user: UserKey) -> None:
        """No more events of the user's campaigns, except those watched one by one."""
        with self._lock:
            self._unfollow(listener, user)

    # --- the feed

    def receive(self, tenant_id: int, content: bytes) -> None:
        """One message of the tenant's channel: what one transaction caused for one campaign, or how
        far its messages came."""
        with self._lock:
            if tenant_id not in self._by_tenant:
                return
        batch = orjson.loads(content)
        if batch["tenantId"] != tenant_id:
            log.error("event_on_foreign_channel", tenant_id=tenant_id)
            return
        if "receipts" in batch:
            self._tell_receipts(batch)
            return
        at = batch["at"]
        events = [{"seq": e["seq"], "data": e["data"], "at": at} for e in batch["events"]]
        with self._lock:
            watch = self._watch_for(batch)
            if watch is not None:
                watch.used_at = self._clock()
                self._emit(watch, watch.order.push(events, watch.used_at))

    def heard(self) -> None:
        """The feed has (again) a subscription: look up what it may have missed."""
        with self._lock:
            for watch in self._watches.values():
                if watch.order.expected is None:
                    watch.unheard = True
                else:
                    self._ask_for_gap(watch)

    def tick(self) -> float:
        """Look after campaigns that wait for an event; how long the feed may sleep."""
        now = self._clock()
        waiting = False
        with self._lock:
            for watch in self._watches.values():
                since = watch.order.waiting_since
                if since is None:
                    continue
                waiting = True
                if now - since >= self._limits.reorder_seconds:
                    self._end_wait(watch, now)
            if now - self._pruned_at > _PRUNE_SECONDS:
                self._prune(now)
        return _ALERT if waiting else _ASLEEP

    # --- gaps, filled from the database by a thread of their own

    def fill_gaps(self) -> None:
        """Work on gaps until `stop`; run in a thread."""
        while (gap := self._gaps.get()) is not None:
            key, after_seq = gap
            try:
                events = self._load_events(key[0], key[1], after_seq)
            except Exception as exc:  # the database is away: the next tick asks again
                log.warning("gap_not_filled", campaign=key[1], error=type(exc).__name__)
                self._stay_alert(key)
                continue
            self._filled(key, after_seq, events)

    def stop(self) -> None:
        """End `fill_gaps`."""
        self._gaps.put(None)

    def _filled(self, key: CampaignKey, after_seq: int, events: list[Event] | None) -> None:
        with self._lock:
            watch = self._watches.get(key)
            if watch is None or watch.order.expected is None:
                return
            held = watch.order.waiting_since is not None
            if _is_whole(events, after_seq, held=held):
                ready = watch.order.fill(events or [], self._clock())
                if ready:
                    metrics.record_event_gap("filled")
                self._emit(watch, ready, burst=True)
                return
            metrics.record_event_gap("lost")
            watch.order.forget()
            for listener in self._audience(watch):
                listener.resync(key)

    def _stay_alert(self, key: CampaignKey) -> None:
        with self._lock:
            watch = self._watches.get(key)
            if watch is not None:
                watch.order.waiting_since = self._clock()

    def _end_wait(self, watch: _Watch, now: float) -> None:
        watch.order.waiting_since = now  # asked again if the answer fails
        if watch.order.expected is not None:
            self._ask_for_gap(watch)
        elif not watch.listeners:  # a followed user's campaign we have no number of
            self._emit(watch, watch.order.start_with_held(now))

    def _ask_for_gap(self, watch: _Watch) -> None:
        if watch.order.expected is not None:
            self._gaps.put((watch.key, watch.order.expected - 1))

    # --- tables (under the lock)

    def _forget_owner(self, listener: Listener, identity: TicketIdentity) -> None:
        _discard(self._by_user, (identity.tenant_id, identity.user_id), listener)
        _discard(self._by_tenant, identity.tenant_id, listener)

    def _holding(self, user: UserKey) -> Holding:
        of_user = len(self._by_user.get(user, ()))
        return Holding(*user, of_user, len(self._by_tenant.get(user[0], ())))

    def _emit(self, watch: _Watch, events: list[Event], *, burst: bool = False) -> None:
        if not events:
            return
        audience = self._audience(watch)
        if not audience:
            return
        updates = [
            Update(watch.key, watch.public_id, watch.user_id, event, watch.request_id)
            for event in events
        ]
        for listener in audience:
            listener.offer(updates, burst=burst)
        metrics.record_frames(len(updates) * len(audience))

    def _tell_receipts(self, told: dict[str, Any]) -> None:
        key = (told["tenantId"], told["numericId"])
        with self._lock:
            watch = self._watches.get(key)
            audience = {
                *(watch.listeners if watch is not None else ()),
                *self._followers.get((key[0], told["userId"]), ()),
            }
            if not audience:
                return
            receipts = [Receipts(key, told)]
            for listener in audience:
                listener.offer(receipts)
        metrics.record_frames(len(audience))

    def _audience(self, watch: _Watch) -> set[Listener]:
        followers = self._followers.get((watch.key[0], watch.user_id))
        return watch.listeners | followers if followers else watch.listeners

    def _watch_for(self, batch: dict[str, Any]) -> _Watch | None:
        key = (batch["tenantId"], batch["numericId"])
        watch = self._watches.get(key)
        if watch is None and (key[0], batch["userId"]) in self._followers:
            watch = self._watch_of(
                key, batch["campaignId"], batch["userId"], batch.get("requestId")
            )
            if batch["firstSeq"] == 1:
                watch.order.start(0, self._clock())
        return watch

    def _watch_of(
        self, key: CampaignKey, public_id: str, user_id: int, request_id: str | None
    ) -> _Watch:
        watch = self._watches.get(key)
        if watch is None:
            watch = _Watch(key, public_id, user_id, Sequencer(), self._clock(), request_id)
            self._watches[key] = watch
        return watch

    def _unwatch(self, listener: Listener, key: CampaignKey) -> None:
        watch = self._watches.get(key)
        if watch is not None:
            watch.listeners.discard(listener)
            self._drop_unused(watch)

    def _unfollow(self, listener: Listener, user: UserKey) -> None:
        followers = self._followers.get(user)
        if followers is None or listener not in followers:
            return
        _discard(self._followers, user, listener)
        if user not in self._followers:
            for watch in [w for w in self._watches.values() if (w.key[0], w.user_id) == user]:
                self._drop_unused(watch)

    def _drop_unused(self, watch: _Watch) -> None:
        if not self._audience(watch):
            self._watches.pop(watch.key, None)

    def _prune(self, now: float) -> None:
        self._pruned_at = now
        for watch in list(self._watches.values()):
            if not watch.listeners and now - watch.used_at > _IDLE_WATCH_SECONDS:
                del self._watches[watch.key]


def _is_whole(events: list[Event] | None, after_seq: int, *, held: bool) -> bool:
    """Whether what the database gave starts where the gap does (or there was no gap)."""
    if events is None:
        return False
    return events[0]["seq"] == after_seq + 1 if events else not held


def _discard(table: dict[Any, set[Listener]], key: Any, listener: Listener) -> None:
    members = table.get(key)
    if members is not None:
        members.discard(listener)
        if not members:
            del table[key]
