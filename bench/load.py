"""What is sent: campaigns, each on its own number, with the plan's limits lifted."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tests.factories import CampaignRow, Factory, InstanceRow, Tenant


@dataclass(frozen=True, slots=True)
class Load:
    """Campaigns of as many contacts each; calls in flight per number by plan."""

    campaigns: int
    contacts: int
    in_flight: int
    latency_seconds: float
    workers: int = 1

    @property
    def messages(self) -> int:
        """How many are sent in all."""
        return self.campaigns * self.contacts

    @property
    def calls_at_once(self) -> int:
        """What the plan allows over all numbers."""
        return self.campaigns * self.in_flight

    @property
    def allowed_per_second(self) -> float | None:
        """What so many calls at once allow at this latency; None where it is no limit."""
        return self.calls_at_once / self.latency_seconds if self.latency_seconds else None

    @property
    def name(self) -> str:
        """`50x200, 0 ms, 50 in flight`."""
        shape = f"{self.campaigns}x{self.contacts}, {self.latency_seconds * 1000:.0f} ms"
        return f"{shape}, {self.in_flight} in flight"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where loads are sent: a database, a tenant whose plan limits nothing but the calls in flight,
    and its numbers."""

    database_url: str
    tenant: Tenant
    instances: Sequence[InstanceRow]


def generous_tenant(factory: Factory, in_flight: int) -> Tenant:
    """A tenant whose plan limits nothing but the calls in flight."""
    return factory.tenant(per_second=100_000, in_flight=in_flight, running=100_000)


def new_ground(factory: Factory, load: Load) -> Ground:
    """A number for each campaign of the load."""
    tenant = generous_tenant(factory, load.in_flight)
    instances = [factory.instance(tenant) for _ in range(load.campaigns)]
    return Ground(factory.settings.database_url.get_secret_value(), tenant, instances)


def make_campaigns(
    factory: Factory, ground: Ground, campaigns: int, contacts: int
) -> list[CampaignRow]:
    """Each on a number of its own; their texts are ready."""
    return [
        factory.campaign(ground.tenant, [instance], contacts=contacts)
        for instance in itertools.islice(itertools.cycle(ground.instances), campaigns)
    ]
