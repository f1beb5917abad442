"""`rapidflow.dispatch`: the doorbell; something may be ready to send."""

import threading
from typing import Any

from shared.errors import TemporarilyUnavailable
from shared.observability import tracing
from shared.observability.logging import get_logger
from shared.queue.names import TaskName
from worker.app import app, enqueue, process
from worker.dispatching import dispatch

log = get_logger(__name__)

_running = threading.Lock()
_again = threading.Event()


@app.task(name=TaskName.DISPATCH.value)
def ring(_payload: Any = None) -> None:
    """Dispatch now. Rings during a run are answered by one more run, not by one each."""
    run_dispatch()


def run_dispatch() -> None:
    """One dispatch at a time per process; any number of processes may dispatch at once."""
    _again.set()
    while _again.is_set():
        if not _running.acquire(blocking=False):
            return
        try:
            _again.clear()
            _dispatch()
        except TemporarilyUnavailable as exc:
            log.warning("dispatch_put_off", error=exc.code)
        finally:
            _running.release()


def _dispatch() -> None:
    deps = process.deps
    if tracing.is_on():
        from worker.traced_dispatching import dispatch_traced  # only where it is on

        dispatch_traced(deps, enqueue)
    else:
        dispatch(deps, enqueue)
