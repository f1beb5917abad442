"""`rapidflow.tick`: all periodic engine work. Every part looks at what is due and is idempotent, so
two clocks, late ticks and lost ticks are harmless."""

import threading
import time
from collections.abc import Callable
from typing import Any

from shared.db import dispatch as rows
from shared.db.pool import connection
from shared.errors import TemporarilyUnavailable
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.observability.slow import timed
from shared.queue.names import TaskName
from worker.app import app, process
from worker.connections import refresh_connections
from worker.doubts import apply_policies
from worker.erasures import erase_people
from worker.evidence import reconcile
from worker.lane_states import LaneStates
from worker.receipts import apply_inbox
from worker.retention import Retention
from worker.sweeping import sweep
from worker.tasks.dispatch import run_dispatch

log = get_logger(__name__)

_lane_states = LaneStates()
_retention = Retention()
_running: dict[str, threading.Lock] = {}


@app.task(name=TaskName.TICK.value)
def tick(_payload: Any = None) -> None:
    """One second's work; a part that fails does not keep the others from running."""
    parts: dict[str, Callable[[], object]] = {
        "sweep": lambda: sweep(process.deps),
        "receipts": lambda: apply_inbox(process.deps),
        "connections": lambda: refresh_connections(process.deps),
        "texts": lambda: process.composer.look(process.deps),
        "dispatch": run_dispatch,
        "waiting": _explain_waiting,
        "reconcile": lambda: reconcile(process.deps),
        "doubts": lambda: apply_policies(process.deps),
        "lanes": lambda: _lane_states.look(process.deps),
        "erasures": lambda: erase_people(process.deps),
        "retention": lambda: _retention.look(process.deps),
    }
    for name, part in parts.items():
        _run_alone(name, part)
    metrics.record_tick()


def _run_alone(name: str, part: Callable[[], object]) -> None:
    """Skip a part that is still running from the tick before."""
    lock = _running.setdefault(name, threading.Lock())
    if not lock.acquire(blocking=False):
        return
    began = time.monotonic()
    try:
        with timed("job", name):
            part()
    except TemporarilyUnavailable as exc:
        log.warning("tick_put_off", part=name, error=exc.code)
    except Exception:
        log.exception("tick_failed", part=name)
    finally:
        metrics.record_job(name, time.monotonic() - began)
        lock.release()


def _explain_waiting() -> None:
    with connection(process.deps.pool) as conn:
        rows.explain_waiting(conn)
