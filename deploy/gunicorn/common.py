"""Settings every service shares, and gunicorn's hooks."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gunicorn.http import wsgi

from api.sockets.lifecycle import bind_worker
from shared.observability.memory import bound_memory
from shared.observability.targets import announce
from shared.observability.tracing import stop_tracing
from shared.settings import Settings

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  the heartbeat file must not wait for a disk


def configuration(settings: Settings, service: str) -> dict[str, Any]:
    """gunicorn's settings by name."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    shared_memory = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
    return {
        "bind": [f"{host}:{settings.port}"],
        "proc_name": f"rapidflow-{service}",
        "workers": settings.http.workers,
        "backlog": 512,
        "timeout": 60,  # a worker's heartbeat, not a request's time
        "graceful_timeout": 35,
        "keepalive": 5,
        "preload_app": False,  # connections are opened after the fork
        "worker_tmp_dir": str(shared_memory) if shared_memory else None,
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,  # all of them: 16 KiB, api/wsgi.py
        # Whose X-Forwarded-* count is decided by the app, from trusted_proxies.
        "forwarded_allow_ips": "*" if settings.http.trusted_proxies > 0 else "",
        "forwarder_headers": "",
        "accesslog": None,
        "errorlog": "-",
        "logger_class": "deploy.gunicorn.logger.RoutedLogger",
        "control_socket_disable": True,
        "http_protocols": "h1",
        "pre_fork": pre_fork,
        "post_worker_init": post_worker_init(settings.memory.web_mebibytes),
        "worker_exit": worker_exit,
        "child_exit": child_exit,
        "when_ready": when_ready(settings, service),
    }


def pre_fork(server: Any, worker: Any) -> None:
    """In the master: the collector leaves alone what is loaded, so its pages stay shared."""
    del server, worker
    gc.collect()
    gc.freeze()


def post_worker_init(ceiling_mebibytes: float) -> Callable[[Any], None]:
    """The hook that runs in the worker, before its first request."""

    def begin(worker: Any) -> None:
        bind_worker(worker)
        _drop_banner()
        # Not alive: it finishes what it has, its sockets hear 1012, the master starts another.
        bound_memory(ceiling_mebibytes, lambda: setattr(worker, "alive", False))

    return begin


def when_ready(settings: Settings, service: str) -> Callable[[Any], None]:
    """The hook that runs in the master once it listens."""

    def tell(server: Any) -> None:
        del server
        if settings.metrics_targets is not None:
            announce(settings.metrics_targets, service, settings.host, settings.port)

    return tell


def worker_exit(server: Any, worker: Any) -> None:
    """In the worker, last of all."""
    del server, worker
    stop_tracing()


def child_exit(server: Any, worker: Any) -> None:
    """In the master, when a worker is gone."""
    del server
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _drop_banner() -> None:
    """gunicorn has no setting for its Server header."""
    given = wsgi.Response.default_headers

    def default_headers(self: Any) -> list[str]:
        return [line for line in given(self) if not line.startswith("Server:")]

    wsgi.Response.default_headers = default_headers
