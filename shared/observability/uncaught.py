"""What nobody caught in event loops and greenlets, into our logs; `configure_logging` does the same
for the main thread and all others."""

import asyncio
from types import TracebackType
from typing import Any

from shared.observability.logging import get_logger

log = get_logger(__name__)


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Log what `loop` would print: a task nobody awaited that failed, a callback that raised."""
    loop.set_exception_handler(_log_in_loop)


def watch_greenlets() -> None:
    """Log what this thread's gevent hub would print; call it in the process that serves."""
    from gevent import get_hub  # only gateways run on greenlets

    get_hub().print_exception = _log_in_greenlet


def _log_in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    del loop
    log.critical(
        "uncaught_exception_in_loop",
        reason=str(context.get("message", "")),
        exc_info=context.get("exception"),
    )


def _log_in_greenlet(
    context: object,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None = None,
) -> None:
    del context, kind, trace
    log.critical("uncaught_exception_in_greenlet", exc_info=error)
