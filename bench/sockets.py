"""Live events on thousands of sockets: how late they come, and what a socket costs.

The engine sends real campaigns at a set pace; every frame is read by clients in another process.
A delay begins when the transaction that recorded the event began, so it is a little more than the
time from its commit to the socket.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from bench.figures import at_most, percentile, spread
from bench.load import generous_tenant
from bench.processes import cpu_seconds, resident_mib, stub_provider
from bench.product import engine
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.watching import held_back
from bench.web import web_process
from shared.coordination.tickets import TicketIdentity, issue_ticket
from shared.settings import Settings
from tests.factories import CampaignRow, Factory, Tenant

_GROUP = "Events on sockets"
_COST = "Cost of a socket"
_TICKET_SECONDS = 120
_ROOM = {  # one user of one tenant opens all of them
    "RAPIDFLOW_GATEWAY__SOCKETS_PER_USER": "100000",
    "RAPIDFLOW_GATEWAY__SOCKETS_PER_TENANT": "100000",
}
_MOST_MILLISECONDS = 250.0
_MOST_KILOBYTES = 80.0
_REST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Audience:
    """Sockets, the campaigns they are spread over, and messages a second of all campaigns."""

    sockets: int
    campaigns: int
    per_second: float
    seconds: float

    @property
    def name(self) -> str:
        """`1,000 sockets over 200 campaign(s), 500 messages/s`."""
        where = f"{self.sockets:,} sockets over {self.campaigns} campaign(s)"
        return f"{where}, {self.per_second:g} messages/s"


@dataclass(frozen=True, slots=True)
class Heard:
    """What clients saw of one run: seconds from an event to its frame, and how much there was."""

    delays: list[float]
    messages_per_second: float
    frames_per_second: float
    cpu_percent: float
    """Of one core, by the gateway."""
    missed: int


_AUDIENCES = (Audience(1000, 200, 500.0, 20.0), Audience(1000, 1, 10.0, 20.0))
_SHORT = Audience(6, 2, 10.0, 2.0)


def _events(audience: Audience, rig: Rig, short: bool) -> list[Row]:
    if short and audience != _AUDIENCES[0]:
        return []  # the first shows that all of them work
    audience = _SHORT if short else audience
    runs = [_listen(rig, audience) for _ in rig.rounds(audience.name)]
    p99 = spread([1000 * percentile(heard.delays, 0.99) for heard in runs])
    return [
        {
            "audience": audience.name,
            "p50_ms": spread([1000 * percentile(heard.delays, 0.5) for heard in runs]),
            "p99_ms": p99,
            "max_ms": spread([1000 * max(heard.delays) for heard in runs]),
            "messages_per_second": spread([heard.messages_per_second for heard in runs]),
            "frames_per_second": spread([heard.frames_per_second for heard in runs]),
            "gateway_cpu_percent": spread([heard.cpu_percent for heard in runs]),
            "missed": sum(heard.missed for heard in runs),
            "p99_bar": at_most(p99["median"], _MOST_MILLISECONDS),
        }
    ]


def _listen(rig: Rig, audience: Audience) -> Heard:
    """One run: campaigns that start together once every socket is open."""
    pause = audience.campaigns / audience.per_second
    contacts = round(audience.seconds / pause)
    with stub_provider(0.0) as url:
        settings = rig.settings(provider_url=url)
        factory = Factory(settings)
        tenant = generous_tenant(factory, 2)
        with (
            web_process("gateway", settings, **_ROOM) as (gateway, port),
            engine(settings),
            contextlib.ExitStack() as started,
        ):
            started.enter_context(held_back(factory, tenant))
            campaigns = [
                factory.campaign(tenant, [factory.instance(tenant)], contacts=contacts, delay=pause)
                for _ in range(audience.campaigns)
            ]
            with _watchers(settings, tenant, port, audience.sockets, campaigns) as heard:
                before = cpu_seconds([gateway])
                began = time.perf_counter()
                started.close()
                _wait_over(factory, campaigns)
                spent = (cpu_seconds([gateway]) - before) / (time.perf_counter() - began)
                time.sleep(1.0)  # the last frames are on their way
    rig.drop_database(settings.database_url.get_secret_value())
    sent, progress = heard["delays"]["message_sent"], heard["delays"].get("progress", [])
    return Heard(
        delays=[*sent, *progress],
        messages_per_second=audience.campaigns * contacts / heard["seconds"],
        frames_per_second=(len(sent) + len(progress)) / heard["seconds"],
        cpu_percent=100 * spent,
        missed=audience.sockets * contacts - len(sent) + heard["gaps"],
    )


def _wait_over(factory: Factory, campaigns: Sequence[CampaignRow]) -> None:
    ids = [campaign.campaign_id for campaign in campaigns]
    open_ = "SELECT count(*) FROM campaigns WHERE campaign_id = ANY(%s) AND finished_at IS NULL"
    while factory.value(open_, ids):
        time.sleep(0.25)


@contextlib.contextmanager
def _watchers(
    settings: Settings, tenant: Tenant, port: int, sockets: int, campaigns: Sequence[CampaignRow]
) -> Iterator[dict[str, Any]]:
    """Sockets that are open and subscribed; what they heard is in the dict after the block."""
    identity = TicketIdentity(tenant.tenant_id, tenant.user_id, "owner", 0)
    with Redis.from_url(settings.redis_url.get_secret_value()) as redis:
        pairs = [
            (
                issue_ticket(redis, identity, _TICKET_SECONDS, environment=settings.environment),
                campaigns[number % len(campaigns)].public_id,
            )
            for number in range(sockets)
        ]
    asked = {"host": "127.0.0.1", "port": port, "sockets": pairs}
    heard: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "bench.watchers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the sockets did not open")
            yield heard
            process.stdin.close()
            heard.update(json.loads(process.stdout.readline()))
        finally:
            process.kill()


def _cost(sockets: int, rig: Rig, short: bool) -> list[Row]:
    count = 20 if short else sockets
    each, opening, beating = [], [], []
    for _ in rig.rounds(f"{count:,} sockets"):
        settings = rig.settings()
        factory = Factory(settings)
        tenant = factory.tenant()
        campaigns = [factory.campaign(tenant) for _ in range(min(200, count))]
        with web_process("gateway", settings, **_ROOM) as (gateway, port):
            with _watchers(settings, tenant, port, 1, campaigns):
                pass  # what opens with the first socket is open
            before = resident_mib([gateway])
            began = time.perf_counter()
            with _watchers(settings, tenant, port, count, campaigns):
                opening.append(count / (time.perf_counter() - began))
                spent = cpu_seconds([gateway])
                time.sleep(_REST_SECONDS)
                beating.append(100 * (cpu_seconds([gateway]) - spent) / _REST_SECONDS)
                each.append((resident_mib([gateway]) - before) * 1024 / count)
        rig.drop_database(settings.database_url.get_secret_value())
    size = spread(each)
    return [
        {
            "sockets": f"{count:,} on one gateway process, each subscribed",
            "pss_kib_each": size,
            "opened_per_second": spread(opening),
            "idle_cpu_percent": spread(beating),
            "size_bar": at_most(size["median"] * 1.024, _MOST_KILOBYTES),
        }
    ]


def _scenario(audience: Audience) -> Scenario:
    return Scenario(audience.name, _GROUP, lambda rig, short: _events(audience, rig, short))


SCENARIOS = (
    *(_scenario(audience) for audience in _AUDIENCES),
    Scenario("5,000 open sockets", _COST, lambda rig, short: _cost(5000, rig, short)),
)
