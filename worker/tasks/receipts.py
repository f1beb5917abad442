"""`rapidflow.receipts`: the doorbell of the inbox; the provider told us something."""

import threading
from typing import Any

from shared.errors import TemporarilyUnavailable
from shared.observability.logging import get_logger
from shared.queue.names import TaskName
from worker.app import app, process
from worker.receipts import apply_inbox

log = get_logger(__name__)

_running = threading.Lock()


@app.task(name=TaskName.RECEIPTS.value)
def ring(_payload: Any = None) -> None:
    """Apply what is in the inbox; a ring during a run is covered by it or by the next tick."""
    if not _running.acquire(blocking=False):
        return
    try:
        apply_inbox(process.deps)
    except TemporarilyUnavailable as exc:
        log.warning("receipts_put_off", error=exc.code)
    finally:
        _running.release()
