"""The Celery app of `rapidflow beat`: a clock needs no database, no sending loop and no tasks."""

import os
from typing import Any

from celery import Celery, signals

from celery_config import make_celery
from shared.failpoints import arm
from shared.observability.exposition import start_metrics_listener
from shared.observability.logging import configure_logging, get_logger
from shared.settings import settings

log = get_logger(__name__)

app: Celery = make_celery(settings())


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    arm(settings().failpoint)
    configure_logging(settings(), os.environ.get("RAPIDFLOW_SERVICE", "beat"))


@signals.beat_init.connect
def _ticking(**_: Any) -> None:
    start_metrics_listener(settings(), "beat")
    log.info("ready")
