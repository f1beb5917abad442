"""Messages through the product's own path: control, beat and worker processes, every gate on."""

import contextlib
from collections.abc import Iterator

import psutil

from bench.load import Load, generous_tenant, make_campaigns
from bench.processes import cpu_seconds, running, stub_provider
from bench.rig import Rig, environment_of
from bench.watching import Figure, follow, held_back
from shared.settings import Settings
from tests.factories import Factory

_WARM_UP = (5, 20)  # campaigns × contacts: imports, connections and prepared statements


@contextlib.contextmanager
def engine(settings: Settings, workers: int = 1) -> Iterator[list[psutil.Process]]:
    """The engine's processes, each by its own command."""
    environment = environment_of(settings)
    with contextlib.ExitStack() as stack:
        names = ["control", "beat", *["worker"] * workers]
        yield [stack.enter_context(running(["deploy.cli", name], environment)) for name in names]


def send(rig: Rig, load: Load, *, database_url: str | None = None) -> Figure:
    """Create the campaigns, let a warm engine send them, measure. In a new database by default."""
    with stub_provider(load.latency_seconds) as url:
        settings = rig.settings(provider_url=url, database_url=database_url)
        factory = Factory(settings)
        tenant = generous_tenant(factory, load.in_flight)
        with engine(settings, load.workers) as processes:
            watched = {"engine": processes, "stores": rig.stores}
            first = make_campaigns(factory, tenant, *_WARM_UP)
            follow(factory, first, _WARM_UP[0] * _WARM_UP[1], **watched, cpu_before=0.0)
            with held_back(factory, tenant):
                campaigns = make_campaigns(factory, tenant, load.campaigns, load.contacts)
                before = cpu_seconds([*processes, *rig.stores])
            figure = follow(factory, campaigns, load.messages, **watched, cpu_before=before)
    if database_url is None:
        rig.drop_database(settings.database_url.get_secret_value())
    return figure
