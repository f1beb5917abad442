"""Messages through the product's own path: control, beat and worker processes, every gate on."""

import contextlib
from collections.abc import Iterator, Sequence

import psutil

from bench.load import Ground, Load, make_campaigns, new_ground
from bench.processes import running, stub_provider
from bench.rig import Rig
from bench.watching import Figure, Since, follow, held_back, since_now
from shared.settings import Settings
from tests.factories import Factory
from tests.variables import environment_of

_WARM_UP = (5, 20)  # campaigns × contacts: imports, connections and prepared statements


@contextlib.contextmanager
def engine(settings: Settings, workers: int = 1) -> Iterator[list[psutil.Process]]:
    """The engine's processes, each by its own command."""
    environment = environment_of(settings)
    with contextlib.ExitStack() as stack:
        names = ["control", "beat", *["worker"] * workers]
        yield [stack.enter_context(running(["deploy.cli", name], environment)) for name in names]


def send(rig: Rig, load: Load, ground: Ground | None = None) -> Figure:
    """Create the campaigns, let a warm engine send them, measure; on new ground by default."""
    with stub_provider(load.latency_seconds) as url:
        database_url = ground.database_url if ground else rig.database()
        settings = rig.settings(provider_url=url, database_url=database_url)
        factory = Factory(settings)
        chosen = ground or new_ground(factory, load)
        with engine(settings, load.workers) as processes:
            figure = send_with(rig, factory, chosen, load, processes)
    if ground is None:
        rig.drop_database(database_url)
    return figure


def send_with(
    rig: Rig, factory: Factory, ground: Ground, load: Load, processes: Sequence[psutil.Process]
) -> Figure:
    """The same with an engine that runs already."""
    watched = {"engine": processes, "stores": rig.stores}
    first = make_campaigns(factory, ground, *_WARM_UP)
    follow(factory, first, _WARM_UP[0] * _WARM_UP[1], **watched, since=Since())
    with held_back(factory, ground.tenant):
        campaigns = make_campaigns(factory, ground, load.campaigns, load.contacts)
        since = since_now(processes, rig.stores)
    return follow(factory, campaigns, load.messages, **watched, since=since)
