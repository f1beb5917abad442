"""REST and `/ws` in one process, on threads: a laptop, a small installation."""

from api.sockets.lifecycle import SOCKETS_BESIDE_REST
from deploy.gunicorn.common import configuration
from shared.settings import settings

_settings = settings()

globals().update(
    configuration(_settings, "server"),
    worker_class="deploy.gunicorn.deadlines.BoundedThreadWorker",
    threads=_settings.http.threads + SOCKETS_BESIDE_REST,
    worker_connections=1000,
)
