"""`/ws` on greenlets: thousands of idle sockets in one process."""

from deploy.gunicorn.common import configuration
from shared.settings import settings

_BESIDES = 256  # health checks, metrics, refused handshakes
_settings = settings()

globals().update(
    configuration(_settings, "gateway"),
    worker_class="deploy.gunicorn.deadlines.BoundedGeventWorker",
    worker_connections=_settings.gateway.sockets_per_process + _BESIDES,
)
