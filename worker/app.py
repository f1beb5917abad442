"""The Celery app of worker and control processes, and what opens and closes with them."""

import contextlib
import os
import signal
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from celery import Celery, signals
from kombu.exceptions import OperationalError
from prometheus_client import REGISTRY

from celery_config import make_celery
from shared.coordination.redis_client import make_redis
from shared.db import dispatch
from shared.db.pool import ENGINE_POOL, connection
from shared.errors import TemporarilyUnavailable
from shared.failpoints import arm
from shared.observability import metrics
from shared.observability.exposition import start_metrics_listener
from shared.observability.logging import configure_logging, get_logger
from shared.observability.memory import bound_memory, settle_collector
from shared.observability.tracing import start_tracing, stop_tracing
from shared.queue.names import Queue, TaskName
from shared.queue.payloads import Doorbell as DoorbellPayload
from shared.queue.payloads import LeasedBatch
from shared.settings import settings
from worker.composing import Composer
from worker.deps import Deps, open_deps
from worker.doorbell import Doorbell
from worker.observation import EngineCollector, remember_end
from worker.watchdog import DEAF, Progress, Signs, Watchdog, end_process, queue_length

if TYPE_CHECKING:
    from worker.sender import Sender

log = get_logger(__name__)

_UNTAKEN_SECONDS = 3.0  # a batch on its way to a worker is nothing to worry about

app: Celery = make_celery(settings())


class Process:
    """Resources of this process, opened when first needed and closed at its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deps: Deps | None = None
        self._doorbell: Doorbell | None = None
        self._sender: Sender | None = None
        self.name = ""  # as Celery knows it, and PostgreSQL too
        self.composer = Composer()
        self.watchdog: Watchdog | None = None
        self.collector: EngineCollector | None = None
        self.deaf = False  # ended by its watchdog

    @property
    def deps(self) -> Deps:
        """Pool, Redis, outlet."""
        with self._lock:
            if self._deps is None:
                start_tracing(settings(), _service())
                self._deps = open_deps(settings(), name=ENGINE_POOL, process=self.name)
            return self._deps

    @property
    def turns(self) -> int | None:
        """How often the sending loop has turned; None where it does not run."""
        sender = self._sender  # without the lock: a process that closes holds it for long
        return sender.turns if sender is not None else None

    @property
    def sender(self) -> "Sender":
        """The sending loop."""
        from worker.sender import Sender  # control sends nothing: 5 MiB less there

        deps = self.deps
        with self._lock:
            if self._sender is None:
                self._doorbell = Doorbell(_ring_dispatch)
                self._sender = Sender(deps, self._doorbell.ring)
                self._sender.start()
            return self._sender

    def close(self) -> None:
        """Finish what is in flight, hand back the rest, publish what is left."""
        knobs = settings().delivery
        self.composer.close(settings().model.call_seconds + 2)
        with self._lock:
            if self._sender is not None:
                self._sender.drain(knobs.call_deadline_seconds + 10)
            if self._doorbell is not None:
                self._doorbell.close()
            if self._deps is not None:
                self._deps.close()
            self._sender = self._doorbell = self._deps = None
        stop_tracing()


process = Process()
progress = Progress()


def enqueue(batches: Sequence[LeasedBatch]) -> None:
    """Hand batches to the broker; a batch that is not taken lapses and comes back by the sweep."""
    for batch in batches:
        try:
            payload = batch.model_dump(mode="json", exclude_none=True)
            app.send_task(TaskName.SEND, args=[payload])
        except (OperationalError, OSError) as exc:
            log.warning("batch_not_enqueued", messages=len(batch.messages), error=repr(exc))
            return


def _ring_dispatch() -> None:
    payload = DoorbellPayload().model_dump(mode="json")
    app.send_task(TaskName.DISPATCH, args=[payload], expires=10)


def _service() -> str:
    return os.environ.get("RAPIDFLOW_SERVICE", "engine")


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    arm(settings().failpoint)
    configure_logging(settings(), _service())


@signals.task_prerun.connect
def _began(**_: Any) -> None:
    progress.began()


@signals.task_postrun.connect
def _ended(**_: Any) -> None:
    progress.ended()


@signals.worker_ready.connect
def _opened(sender: Any = None, **_: Any) -> None:
    queues = [queue.name for queue in sender.task_consumer.queues]
    if Queue.CONTROL.value in queues:
        process.collector = EngineCollector(lambda: process.deps)
        REGISTRY.register(process.collector)
    start_metrics_listener(settings(), _service())
    # `rapidflow doctor` knows an idle worker by its connection; without a database it comes later.
    with contextlib.suppress(TemporarilyUnavailable), connection(process.deps.pool):
        pass
    watch(_signs(queues))
    bound_memory(settings().memory.engine_mebibytes, lambda: os.kill(os.getpid(), signal.SIGTERM))
    settle_collector()
    log.info("ready")


def _signs(queues: Sequence[str]) -> Signs:
    redis = make_redis(settings().redis_url.get_secret_value(), max_connections=1)
    return Signs(
        waiting=lambda: queue_length(redis, settings().environment, queues),
        untaken=_untaken if Queue.SEND.value in queues else lambda: None,
        turns=lambda: process.turns,
    )


def _untaken() -> bool | None:
    try:
        with connection(process.deps.pool) as conn:
            return dispatch.is_untaken(conn, for_seconds=_UNTAKEN_SECONDS)
    except TemporarilyUnavailable:
        return None


def watch(signs: Signs) -> None:
    """Have a watchdog end this process when it does no work."""
    knobs = settings()
    process.watchdog = Watchdog(
        progress,
        signs,
        silence_seconds=knobs.sweep.deaf_seconds,
        lease_seconds=knobs.delivery.lease_seconds,
        end=_end_deaf,
    )
    process.watchdog.start()


def _end_deaf(reason: str) -> None:
    process.deaf = True
    remember_end(lambda: process.deps, reason)
    if reason == "stalled":  # what is in flight stands as still as the loop: nothing can be drained
        os._exit(DEAF)
    knobs = settings()
    drain = knobs.model.call_seconds + knobs.delivery.call_deadline_seconds + 10
    end_process(process.close, drain_seconds=drain)


@signals.worker_shutdown.connect
def _closed(**_: Any) -> None:
    if process.watchdog is not None:
        process.watchdog.stop()
    if process.collector is not None:
        REGISTRY.unregister(process.collector)  # a late scrape must not open everything again
    process.close()
    log.info("ended", attempts=metrics.attempts_by_verdict())
    if process.deaf:
        os._exit(DEAF)
