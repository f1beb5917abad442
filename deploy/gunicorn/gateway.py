"""`/ws` on greenlets: thousands of idle sockets in one process."""

from typing import Any

from deploy.gunicorn import common
from shared.observability.uncaught import watch_greenlets
from shared.settings import settings

_BESIDES = 256  # health checks, metrics, refused handshakes
_settings = settings()


def _post_worker_init(worker: Any) -> None:
    """In the worker, before its first request."""
    watch_greenlets()
    common.post_worker_init(_settings.memory.gateway_mebibytes)(worker)


globals().update(
    common.configuration(_settings, "gateway"),
    worker_class="deploy.gunicorn.deadlines.BoundedGeventWorker",
    worker_connections=_settings.gateway.sockets_per_process + _BESIDES,
    post_worker_init=_post_worker_init,
)
