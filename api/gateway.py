"""`/ws`: adds the WebSocket to the Flask app. What is said on it is in api/sockets/."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from typing import Protocol as Shape

import orjson
from flask import Blueprint, Flask, Response, current_app, has_app_context, request
from flask_sock import Sock
from redis import Redis
from simple_websocket import Server  # type: ignore[import-untyped]

from api.origins import is_allowed
from api.sockets import lifecycle
from api.sockets.client import GOING_AWAY, TRY_LATER, Client
from api.sockets.connection import Connection, GuardedSocket
from api.sockets.feed import Feed
from api.sockets.hub import Hub
from api.sockets.keeper import Keeper
from api.sockets.places import Places
from api.sockets.protocol import Protocol
from api.sockets.replay import load_missed
from api.sockets.turns import Database
from shared.coordination.gateways import NO_SOCKETS, Gateways
from shared.db.pool import Pool
from shared.observability import metrics
from shared.observability.logging import clear_log_context, get_logger
from shared.settings import Settings

log = get_logger(__name__)

EXTENSION: Final = "rapidflow_gateway"
_GUARD: Final = "rapidflow.guarded_socket"
_RAW_KEYS: Final = ("gunicorn.socket", "werkzeug.socket")
_INTERNAL_ERROR: Final = 1011


class Services(Shape):
    """What `create_app` leaves in `app.extensions["rapidflow"]`."""

    settings: Settings
    pool: Pool
    redis: Redis


class Gateway:
    """All sockets of one process and the threads that serve them."""

    def __init__(
        self, services: Services, is_alive: Callable[[], bool] = lifecycle.is_alive
    ) -> None:
        settings = services.settings
        database = Database(services.pool, settings.pool.api_size // 2)
        load_events = partial(load_missed, database)
        self.limits = settings.gateway
        self.hub = Hub(settings.gateway, load_events)
        self.feed = Feed(
            settings.redis_url.get_secret_value(),
            settings.environment,
            on_message=self.hub.receive,
            on_heard=self.hub.heard,
            on_tick=self.hub.tick,
        )
        self._places = Places(
            self.hub, Gateways(services.redis, settings.environment), settings.gateway
        )
        self._protocol = Protocol(
            self.hub,
            database,
            services.redis,
            self._places,
            load_events,
            environment=settings.environment,
        )
        self._keeper = Keeper(self.hub, database, self._places, is_alive)
        self._is_alive = is_alive

    def start(self) -> None:
        """Start the threads."""
        self.feed.start()
        self._keeper.start()
        threading.Thread(target=self.hub.fill_gaps, name="event-gaps", daemon=True).start()

    def stop(self) -> None:
        """Close every socket and end the threads."""
        for listener, _ in self.hub.listeners():
            listener.end(GOING_AWAY, "shutdown")
        self.feed.stop()
        self._keeper.stop()
        self._places.close()
        self.hub.stop()

    def serve(self, websocket: Server, guard: GuardedSocket, ticket: str | None) -> None:
        """Serve one accepted socket until it ends."""
        connection = Connection(websocket, guard)
        client = Client(connection, self.limits)
        if not self._is_alive():
            connection.close(GOING_AWAY, "shutdown")
            return
        if not self.hub.admit(client):
            metrics.record_socket_refused("full")
            connection.close(TRY_LATER, "full")
            return
        metrics.record_socket_opened()
        try:
            client.serve(self._protocol, ticket=ticket)
        except Exception:
            log.exception("socket_failed")
            client.end(_INTERNAL_ERROR, "error")
        finally:
            self.hub.leave(client)  # first: its place is free while it says goodbye
            if client.identity is not None:
                self._places.give_back(client.identity)
            client.say_goodbye()
            metrics.record_socket_closed(client.end_reason)


class LazyGateway:
    """The gateway of this process, made by its first socket: connections must not cross a fork."""

    def __init__(self, services: Services) -> None:
        self.settings = services.settings
        self._services = services
        self._lock = threading.Lock()
        self._made: Gateway | None = None

    def get(self) -> Gateway:
        """The running gateway."""
        with self._lock:
            if self._made is None:
                made = Gateway(self._services)
                made.start()
                self._made = made
            return self._made

    def stats(self) -> dict[str, int]:
        """Sockets of this process."""
        made = self._made
        return made.hub.stats() if made is not None else dict(NO_SOCKETS)

    def stop(self) -> None:
        """End it; a later socket makes a new one."""
        with self._lock:
            if self._made is not None:
                self._made.stop()
                self._made = None


def register_gateway(app: Flask) -> None:
    """Add `/ws` to an app whose `extensions["rapidflow"]` holds settings, pool and redis."""
    if EXTENSION in app.extensions:
        return
    services = app.extensions["rapidflow"]
    gateway = app.extensions[EXTENSION] = LazyGateway(services)
    if hasattr(services, "socket_stats"):
        services.socket_stats = gateway.stats
    app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": None,  # ours: one timer less per socket
        "max_message_size": services.settings.gateway.message_bytes,
    }
    blueprint = Blueprint("gateway", __name__)

    @blueprint.before_request
    def prepare() -> Response | None:
        return _prepare(gateway)

    def ws(websocket: Server) -> None:
        clear_log_context()
        guard = request.environ[_GUARD]
        gateway.get().serve(websocket, guard, request.args.get("ticket"))

    Sock(app).route("/ws", bp=blueprint)(ws)
    app.register_blueprint(blueprint)


def socket_stats() -> dict[str, int]:
    """`totalConnections`, `subscribedUsers`, `subscribedCampaigns` of this process, for `/health`.

    Zeros in a process that serves no sockets.
    """
    gateway = current_app.extensions.get(EXTENSION) if has_app_context() else None
    return gateway.stats() if gateway is not None else dict(NO_SOCKETS)


def _prepare(gateway: LazyGateway) -> Response | None:
    """Before the handshake: whose page is it, no compression, bounded writes."""
    environ = request.environ
    origin = request.headers.get("Origin")
    if origin is not None and not is_allowed(gateway.settings, origin):
        metrics.record_socket_refused("origin")
        log.warning("socket_origin_refused")
        return _refusal(403, "forbidden_origin", "This page may not open a socket here.")
    environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    key = next((key for key in _RAW_KEYS if key in environ), None)
    if key is None:
        return _refusal(501, "no_sockets", "This server cannot open sockets.")
    limits = gateway.settings.gateway
    environ[_GUARD] = environ[key] = GuardedSocket(
        environ[key],
        stall_seconds=limits.stall_seconds,
        read_budget=(limits.messages_per_10_seconds + 2) * limits.message_bytes,
    )
    return None


def _refusal(status: int, code: str, message: str) -> Response:
    body: dict[str, Any] = {"success": False, "error": {"code": code, "message": message}}
    return Response(orjson.dumps(body), status, mimetype="application/json")
