"""What ends by itself: stale sessions, and requests that never finish."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from api.sockets.frames import CampaignKey, Update
from api.sockets.hub import Hub
from api.sockets.keeper import Keeper
from api.sockets.places import Places
from api.sockets.turns import Database
from deploy.gunicorn.deadlines import Deadlines
from shared.coordination.gateways import Gateways
from shared.coordination.tickets import TicketIdentity
from shared.db.pool import APP_ROLE, Pool, make_pool
from shared.settings import GatewaySettings, PoolSettings

from .conftest import ENVIRONMENT, World


class Listener:
    """Remembers how it was ended."""

    def __init__(self, hub: Hub, identity: TicketIdentity) -> None:
        self.ended: tuple[int, str] | None = None
        assert hub.admit(self)
        assert hub.identify(self, identity)

    def offer(self, updates: list[Update], *, burst: bool = False) -> None: ...

    def resync(self, key: CampaignKey) -> None: ...

    def end(self, code: int, reason: str) -> None:
        self.ended = (code, reason)


@pytest.fixture
def pool(world: World) -> Iterator[Pool]:
    made = make_pool(world.database_url, APP_ROLE, PoolSettings(), size=2, name="keeper")
    with made:
        yield made


@contextlib.contextmanager
def kept(hub: Hub, world: World, pool: Pool, *, alive: bool = True) -> Iterator[None]:
    places = Places(hub, Gateways(world.redis, ENVIRONMENT, "keeper"), GatewaySettings())
    keeper = Keeper(hub, Database(pool, 1), places, lambda: alive, session_seconds=0.1)
    keeper.start()
    time.sleep(1.3)
    keeper.stop()
    yield


def test_sockets_end_with_their_session(world: World, pool: Pool) -> None:
    hub = Hub(GatewaySettings(), lambda *_: [])
    users = [world.new_user() for _ in range(3)]
    fine, changed, disabled = (
        Listener(hub, TicketIdentity(world.tenant_id, user, "operator", 0)) for user in users
    )
    past = datetime.now(UTC) - timedelta(seconds=1)
    expired = Listener(hub, TicketIdentity(world.tenant_id, users[0], "operator", 0, past))
    world.conn.execute("UPDATE users SET session_epoch = 1 WHERE user_id = %s", (users[1],))
    world.conn.execute("UPDATE users SET disabled_at = now() WHERE user_id = %s", (users[2],))
    with kept(hub, world, pool):
        assert fine.ended is None
        assert changed.ended == disabled.ended == expired.ended == (4401, "session")


def test_all_sockets_end_with_the_server(world: World, pool: Pool) -> None:
    hub = Hub(GatewaySettings(), lambda *_: [])
    listener = Listener(hub, TicketIdentity(world.tenant_id, world.user_id, "viewer", 0))
    with kept(hub, world, pool, alive=False):
        assert listener.ended == (1012, "shutdown")


def test_a_request_that_never_ends_is_ended() -> None:
    deadlines = Deadlines(0.2)
    here, there = socket.socketpair()
    with here, there, deadlines.watch(here):
        threading.Timer(0.5, deadlines.enforce).start()
        assert here.recv(10) == b""
        here.sendall(b"the answer still goes out")
        assert there.recv(100) == b"the answer still goes out"


def test_a_websocket_is_not_a_request_that_never_ends() -> None:
    deadlines = Deadlines(0.0)
    here, there = socket.socketpair()
    with here, there, deadlines.watch(here):
        deadlines.release(here)
        deadlines.enforce()
        there.sendall(b"still heard")
        assert here.recv(100) == b"still heard"
