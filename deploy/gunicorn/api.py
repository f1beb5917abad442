"""REST on threads."""

from deploy.gunicorn.common import configuration
from shared.settings import settings

_settings = settings()

globals().update(
    configuration(_settings, "api"),
    worker_class="deploy.gunicorn.deadlines.BoundedThreadWorker",
    threads=_settings.http.threads,
    worker_connections=1000,
)
