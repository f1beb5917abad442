"""gunicorn's messages in our logs; its access log stays off (requests are logged by the app)."""

import logging
import os
from typing import Any

from gunicorn.glogging import Logger

from shared.observability.logging import configure_logging
from shared.settings import settings


class RoutedLogger(Logger):  # type: ignore[misc]
    """Configures our logging in the master; workers inherit it."""

    def setup(self, cfg: Any) -> None:
        """Called at start and on reload."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.loglevel: int = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)
        configure_logging(settings(), os.environ.get("RAPIDFLOW_SERVICE", "server"))
        self.error_log.setLevel(self.loglevel)
        self.error_log.propagate = True

    def access(self, *_: Any) -> None:
        """Never."""

    def reopen_files(self) -> None:
        """Our files change by themselves at midnight."""
