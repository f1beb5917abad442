"""Doorbells for the workers: the only Celery line in api.

A bell is a hint (the tick finds the rows anyway), so a request never waits for the broker: it sets
a flag, and one thread per process sends. Bells rung while one is being sent become one more.
"""

import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Final

from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.queue.names import TaskName
from shared.queue.payloads import Doorbell
from shared.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

log = get_logger(__name__)

_REST_SECONDS: Final = 0.2  # between two bells of one process
_AFTER_FAILURE_SECONDS: Final = 1.0


class Producer:
    """Rings for one process; safe from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wanted: set[TaskName] = set()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def ring_dispatch(self) -> None:
        """Something may be ready to send; call it after the commit."""
        self._ring(TaskName.DISPATCH)

    def ring_receipts(self) -> None:
        """The provider told us something; call it after the commit."""
        self._ring(TaskName.RECEIPTS)

    def close(self) -> None:
        """Send what is wanted and end the thread, within two seconds."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(2.0)

    @cached_property
    def _celery(self) -> "Celery":
        """Made by the thread that rings first: an API that creates nothing does without Celery."""
        from celery_config import make_celery

        return make_celery(self._settings)

    def _ring(self, task: TaskName) -> None:
        with self._change:
            self._wanted.add(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()
            self._change.notify()

    def _run(self) -> None:
        while tasks := self._next():
            delivered = [self._send(task) for task in sorted(tasks)]
            time.sleep(_REST_SECONDS if all(delivered) else _AFTER_FAILURE_SECONDS)
        self._celery.close()

    def _next(self) -> set[TaskName]:
        with self._change:
            self._change.wait_for(lambda: bool(self._wanted) or self._closing)
            tasks, self._wanted = self._wanted, set()
            return tasks

    def _send(self, task: TaskName) -> bool:
        try:
            self._celery.send_task(task.value, args=[Doorbell().model_dump()], expires=10)
        except Exception as exc:  # whatever the broker's libraries raise: it was a hint
            metrics.record_doorbell_failure(task.name.lower())
            log.warning("doorbell_failed", task=task.value, error=repr(exc))
            return False
        return True
