"""Structured logs: `get_logger(__name__).info("event_name", field=…)`.

A line is a constant name plus fields: ids, never phone numbers, names or texts; what slips in is
masked (redaction.py). Standard-library loggers (celery, gunicorn, aiohttp) come out the same way.
Until `configure_logging` ran, warnings and errors go to standard error and no file is written.
"""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, cast

import structlog
from structlog.typing import FilteringBoundLogger

from shared.observability.redaction import redact, scrub
from shared.observability.sinks import Console, Files, encode
from shared.settings import Settings, SlowSettings, unknown_variables

Logger = FilteringBoundLogger
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]

# fmt: off
#: Libraries that are chatty, or that would log addresses, headers or prompts.
_QUIET: Final = (
    "aiohttp", "amqp", "asyncio", "celery.app.trace", "celery.beat", "celery.utils.functional",
    "celery.worker.strategy", "flask_openapi3", "gevent", "gunicorn.access", "httpcore", "httpx",
    "kombu", "openai", "psycopg", "psycopg.pool", "redis", "urllib3", "werkzeug", "yoyo",
)
# fmt: on
_FRAMES: Final = 30


class _Output:
    """The one place finished lines pass; `configure_logging` exchanges what is behind it."""

    def __init__(self) -> None:
        self.process = ""
        self.console = Console()
        self.files: Files | None = None
        self.slow = SlowSettings()
        self.trace: Callable[[], str | None] | None = None

    def write(self, level: str, fields: MutableMapping[str, Any]) -> None:
        """Complete, clean and write one line. Never raises."""
        try:
            done = self._complete(level, fields)
            line = encode(done)
            self.console.write(done, line)
            if self.files is not None:
                self.files.write(done, line)
        except Exception:  # noqa: S110  a log line is never worth a failure
            pass

    def _complete(self, level: str, fields: MutableMapping[str, Any]) -> dict[str, Any]:
        exception = _exception_text(fields.pop("exc_info", None))
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        done: dict[str, Any] = {"timestamp": now, "level": level, "event": ""}
        done["logger"] = fields.pop("logger_name", "")
        done.update(redact(fields))
        done["process"], done["pid"] = self.process, os.getpid()
        if self.trace is not None and (trace_id := self.trace()):
            done["trace_id"] = trace_id
        if exception:
            done["exception"] = exception
        return done


_output = _Output()


class _LineLogger:
    """What structlog calls at the end of its chain: one method per level."""

    def _write(self, level: str, **fields: Any) -> None:
        _output.write(level, fields)

    def debug(self, **fields: Any) -> None:
        self._write("debug", **fields)

    def info(self, **fields: Any) -> None:
        self._write("info", **fields)

    def warning(self, **fields: Any) -> None:
        self._write("warning", **fields)

    def error(self, **fields: Any) -> None:
        self._write("error", **fields)

    def critical(self, **fields: Any) -> None:
        self._write("critical", **fields)

    warn = warning
    exception = error
    fatal = critical


class StandardHandler(logging.Handler):
    """Takes the records of standard-library loggers into the same files and shape."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; its message is cleaned like any field."""
        try:
            fields = dict(structlog.contextvars.get_contextvars())
            fields.update(
                event=record.getMessage(), logger_name=record.name, exc_info=record.exc_info
            )
        except Exception:  # wrong format arguments in a library
            fields = {"event": str(record.msg), "logger_name": record.name}
        _output.write(record.levelname.lower(), fields)


def get_logger(name: str) -> Logger:
    """A logger for a module: `log = get_logger(__name__)`."""
    return cast("Logger", structlog.get_logger(logger_name=name))


def configure_logging(settings: Settings, process: str) -> None:
    """Send this process's logs to standard error and to `LOG_DIR`; call once at start.

    `process` names the part (`api`, `gateway`, `worker`, …) in every line.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    _output.process = process
    _output.slow = settings.slow
    if _output.files is not None:
        _output.files.close()
    _output.files = Files(settings.log_dir)
    _configure_structlog(level)
    _configure_standard(level)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    for sentence in unknown_variables():
        get_logger(__name__).warning("setting_unknown", reason=sentence)


def slow_limits() -> SlowSettings:
    """From when on this process calls an operation slow (slow.py)."""
    return _output.slow


def name_traces(current: Callable[[], str | None]) -> None:
    """Have every later line name the trace it belongs to, where `current` knows one (spans.py)."""
    _output.trace = current


def bind_log_context(**fields: Any) -> None:
    """Add fields (`request_id`, `task_id`) to every later line of this request or task."""
    structlog.contextvars.bind_contextvars(**fields)


def clear_log_context() -> None:
    """Forget the bound fields; first thing in a request or task, as threads are used again."""
    structlog.contextvars.clear_contextvars()


def log_context(**fields: Any) -> AbstractContextManager[None]:
    """Fields for the lines inside a `with` block."""
    return cast("AbstractContextManager[None]", structlog.contextvars.bound_contextvars(**fields))


def _configure_structlog(level: int) -> None:
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _LineLogger(),
        cache_logger_on_first_use=False,  # modules make their loggers before we are configured
    )


def _configure_standard(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [StandardHandler()]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)
    logging.raiseExceptions = False


def _exception_text(given: Any) -> str:
    """Where and what, without values: of a message only its first line (no rows, no inputs)."""
    if not given:
        return ""
    if isinstance(given, BaseException):
        error: BaseException | None = given
    elif isinstance(given, tuple):
        error = given[1]
    else:
        error = sys.exc_info()[1]
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < 5:
        seen.add(id(error))
        parts.append(_one_exception(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by ".join(parts)


def _one_exception(error: BaseException) -> str:
    lines = str(error).splitlines() or [""]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    kind = type(error)
    return "\n".join([f"{kind.__module__}.{kind.__qualname__}: {scrub(lines[0])}", *places])


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, Exception):  # KeyboardInterrupt, SystemExit
        sys.__excepthook__(kind, error, trace)
        return
    get_logger(__name__).critical("uncaught_exception", exc_info=error)


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    thread = args.thread.name if args.thread else ""
    get_logger(__name__).critical(
        "uncaught_exception_in_thread", thread=thread, exc_info=args.exc_value
    )


if not structlog.is_configured():
    _configure_structlog(logging.WARNING)
