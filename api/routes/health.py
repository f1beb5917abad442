"""Is it up, is it ready, what has it counted."""

from datetime import UTC, datetime
from ipaddress import ip_address

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from psycopg import Error as DatabaseError
from redis.exceptions import RedisError

from api.auth import public
from api.json import json_response
from api.openapi.describe import HEALTH, File, describes
from api.openapi.faults import NO_ADDRESS
from api.routes.console import asks_for_page, console_page, is_built
from api.runtime import VERSION, Runtime, runtime
from api.schemas.health import Front, Health, Live, Ready
from shared.db.pool import connection
from shared.errors import NotFound, TemporarilyUnavailable
from shared.observability.exposition import may_scrape, render_metrics

bp = Blueprint("health", __name__)

METRICS_TEXT = File(
    "text/plain; version=1.0.0; charset=utf-8",
    "Texto do Prometheus.",
    'rapidflow_http_requests_total{method="GET",route="/health",status="200"} 12.0\n',
)


@bp.get("/health")
@describes("Está no ar?", HEALTH, answers={200: Health})
@public
def health() -> ResponseReturnValue:
    """The spec's shape, no more; sockets of all processes, as far as Redis knows of others."""
    parts = runtime()
    counts = parts.all_socket_stats()
    answer: Health = {
        "status": "OK",
        "timestamp": datetime.now(UTC),
        "uptime": parts.uptime_seconds,
        "version": VERSION,
        "websocket": {
            "totalConnections": counts["totalConnections"],
            "subscribedUsers": counts["subscribedUsers"],
            "subscribedCampaigns": counts["subscribedCampaigns"],
        },
    }
    return answer


@bp.get("/")
@describes(
    "Por onde começar",
    HEALTH,
    description="Um navegador (Accept: text/html) recebe o console.",
    answers={200: (Front, File("text/html; charset=utf-8", "O console.", "<!doctype html>…"))},
)
@public
def front() -> ResponseReturnValue:
    """The console for browsers; for programs, where to go on."""
    if asks_for_page() and is_built():
        return console_page()
    answer: Front = {
        "success": True,
        "service": "RapidFlow",
        "version": VERSION,
        "health": "/health",
        "login": "POST /api/auth/login",
        "campaigns": "/api/campaigns",
        "events": "/ws",
        "docs": "/docs",
    }
    return answer


@bp.get("/health/live")
@describes("O processo responde?", HEALTH, answers={200: Live})
@public
def live() -> ResponseReturnValue:
    """The process answers."""
    return Live(status="OK")


@bp.get("/health/ready")
@describes(
    "PostgreSQL e Redis respondem?",
    HEALTH,
    answers={200: Ready, 503: Ready},
    faults=(NO_ADDRESS,),
    security=({}, {"metricsToken": ()}),
)
@public
def ready() -> ResponseReturnValue:
    """Whether PostgreSQL and Redis answer; for operators only."""
    check_internal(runtime())
    postgresql, redis = _database(runtime()), _redis(runtime())
    good = postgresql and redis
    shown: Ready = {
        "status": "OK" if good else "UNAVAILABLE",
        "checks": {"postgresql": postgresql, "redis": redis},
    }
    return json_response(shown, 200 if good else 503)


@bp.get("/metrics")
@describes(
    "Métricas deste processo, para o Prometheus",
    HEALTH,
    answers={200: METRICS_TEXT},
    faults=(NO_ADDRESS,),
    security=({}, {"metricsToken": ()}),
)
@public
def metrics() -> ResponseReturnValue:
    """Prometheus text of this process; for operators only."""
    check_internal(runtime())
    body, content_type = render_metrics()
    return Response(body, content_type=content_type)


def check_internal(parts: Runtime) -> None:
    """From this machine directly, or with the metrics token; anyone else finds nothing here.

    Raises:
        NotFound: neither.
    """
    settings = parts.settings
    if not may_scrape(settings, request.headers.get("Authorization", "")):
        raise NotFound("Este endereço não existe.")
    if settings.metrics_token is None and not _from_loopback():
        raise NotFound("Este endereço não existe.")


def _from_loopback() -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # through a proxy on this machine
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _database(parts: Runtime) -> bool:
    try:
        with connection(parts.pool) as conn:
            conn.execute("SELECT 1")
    except (TemporarilyUnavailable, DatabaseError):
        return False
    return True


def _redis(parts: Runtime) -> bool:
    try:
        return bool(parts.redis.ping())
    except RedisError:
        return False
