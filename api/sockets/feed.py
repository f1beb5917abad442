"""The event feed: one Redis connection per process, read by one thread that does not give up."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)

_PAUSE_SECONDS: Final = 0.5
_PING_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 12.0  # no answer to two pings: half-open


class Feed:
    """Hears `{environment}:events:*` and hands each message on, in the order of arrival.

    `on_message(tenant_id, content)` runs in the feed's thread and must be quick. `on_heard()` runs
    whenever a subscription has just become active: whatever was published before it may be missing.
    `on_tick()` runs between messages and says how long the feed may sleep.
    """

    def __init__(
        self,
        redis_url: str,
        environment: str,
        *,
        on_message: Callable[[int, bytes], None],
        on_heard: Callable[[], None],
        on_tick: Callable[[], float],
    ) -> None:
        self._redis_url = redis_url
        self._prefix = f"{environment}:events:"
        self._on_message = on_message
        self._on_heard = on_heard
        self._on_tick = on_tick
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-feed", daemon=True)
        self.active = threading.Event()

    def start(self) -> None:
        """Begin listening; `active` is set once Redis confirmed the subscription."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                self._listen()
            except (RedisError, OSError) as exc:
                if self.active.is_set() or not failing:
                    log.warning("event_feed_lost", error=type(exc).__name__)
                    metrics.record_feed_loss()
                failing = True
            except Exception:
                log.exception("event_feed_failed")  # a fault of ours; the gap fill makes up for it
            self.active.clear()
            self._stopping.wait(_PAUSE_SECONDS)

    def _listen(self) -> None:
        redis = Redis.from_url(
            self._redis_url,
            socket_timeout=5.0,
            socket_connect_timeout=2.0,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        pubsub = redis.pubsub()  # type: ignore[no-untyped-call]
        try:
            pubsub.psubscribe(self._prefix + "*")
            self._read(pubsub)
        finally:
            pubsub.close()
            redis.close()

    def _read(self, pubsub: Any) -> None:
        heard_at = pinged_at = time.monotonic()
        while not self._stopping.is_set():
            message = pubsub.get_message(timeout=min(1.0, self._on_tick()))
            now = time.monotonic()
            if message is not None:
                heard_at = now
                self._handle(message)
            elif now - heard_at > _SILENCE_SECONDS:
                raise RedisConnectionError("no answer to a ping")
            if now - pinged_at > _PING_SECONDS:
                pinged_at = now
                pubsub.ping("feed")

    def _handle(self, message: dict[str, Any]) -> None:
        if message["type"] == "psubscribe":  # also after a reconnect redis-py made by itself
            self.active.set()
            log.info("event_feed_active")
            self._on_heard()
        elif message["type"] == "pmessage":
            tenant = message["channel"].decode().removeprefix(self._prefix)
            if tenant.isdigit():
                self._on_message(int(tenant), message["data"])
                time.sleep(0)  # writers first: a burst must not fill queues nobody could empty
