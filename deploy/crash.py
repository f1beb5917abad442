"""A command that failed in a way nobody thought of: the whole of it to the log, a sentence to the
person."""

from datetime import UTC, datetime

from shared.errors import SettingsError
from shared.observability.logging import configure_logging, get_logger
from shared.settings import load_settings

log = get_logger(__name__)


def report(error: Exception, *, command: str) -> str:
    """Log it and say where it can be read; without settings it goes to standard error only."""
    where = "above"
    try:
        settings = load_settings()
    except SettingsError:
        pass
    else:
        configure_logging(settings, "cli")
        where = f"in {settings.log_dir / f'{datetime.now(UTC):%Y-%m-%d}-error.log'}"
    log.critical("command_failed", command=command, exc_info=error)
    said = f"rapidflow {command}".rstrip()  # none: it failed before it was known which
    return f"{said} failed: {type(error).__name__}. The details are {where}."
