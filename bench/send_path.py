"""Messages through the product's own path: control and worker processes, every gate on."""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from bench.processes import cpu_seconds, resident_mib, running, stub_provider
from deploy.local.servers import RunningServers
from shared.settings import Settings
from tests.factories import CampaignRow, Factory


@dataclass(frozen=True, slots=True)
class Load:
    """A scenario: campaigns, each on its own instance, contacts in each; limits lifted by plan."""

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
    def name(self) -> str:
        """`50x200, 0 ms, 50 in flight`."""
        shape = f"{self.campaigns}x{self.contacts}, {self.latency_seconds * 1000:.0f} ms"
        return f"{shape}, {self.in_flight} in flight, {self.workers} worker(s)"


@dataclass(frozen=True, slots=True)
class Figure:
    """One run: messages a second between 10 % and 90 % of them, and over all; CPU in ms each."""

    steady_per_second: float
    per_second: float
    cpu_milliseconds: float
    peak_mib: float


def bare_client(load: Load) -> tuple[float, float]:
    """The reference: (messages a second, client CPU milliseconds a message)."""
    with stub_provider(load.latency_seconds) as url:
        flight = min(load.campaigns * load.in_flight, 100)
        answer = subprocess.run(
            [sys.executable, "-m", "bench.bare", url + "/x", str(load.messages), str(flight)],
            capture_output=True,
            text=True,
            check=True,
        )
    seconds, cpu = (float(part) for part in answer.stdout.split())
    return load.messages / seconds, 1000 * cpu / load.messages


def product(load: Load, settings: Settings, servers: RunningServers) -> Figure:
    """Create the campaigns, let the engine send them, measure."""
    factory = Factory(settings)
    with _engine(load, settings) as processes:
        tenant = factory.tenant(per_second=100_000, in_flight=load.in_flight, running=10_000)
        stores = [psutil.Process(servers.postgres_pid), psutil.Process(servers.valkey_pid)]
        campaigns = [
            factory.campaign(tenant, [factory.instance(tenant)], contacts=load.contacts)
            for _ in range(load.campaigns)
        ]
        return _measure(load, factory, campaigns, [*processes, *stores], processes)


@contextlib.contextmanager
def _engine(load: Load, settings: Settings) -> Iterator[list[psutil.Process]]:
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "EVOLUTION_API_URL": settings.evolution_api_url,
        "EVOLUTION_API_KEY": "bench",
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        "LOG_DIR": str(settings.log_dir),
        "RAPIDFLOW_ENVIRONMENT": settings.environment,
        "RAPIDFLOW_LOG_LEVEL": "WARNING",
    }
    with contextlib.ExitStack() as stack:
        names = ["control", "beat", *["worker"] * load.workers]
        yield [stack.enter_context(running(["deploy.cli", name], environment)) for name in names]


def _measure(
    load: Load,
    factory: Factory,
    campaigns: list[CampaignRow],
    watched: list[psutil.Process],
    engine: list[psutil.Process],
) -> Figure:
    ids = [campaign.campaign_id for campaign in campaigns]
    seen: list[tuple[float, int, float]] = []
    peak = 0.0
    with factory.connect() as conn:
        while True:
            row = conn.execute(
                "SELECT coalesce(sum(processed), 0) FROM campaign_counters"
                " WHERE campaign_id = ANY(%s)",
                (ids,),
            ).fetchone()
            done = int(str(row[0])) if row else 0
            if done:
                seen.append((time.perf_counter(), done, cpu_seconds(watched)))
            if done == load.messages:
                break
            peak = max(peak, resident_mib(engine))
            time.sleep(0.05)
    first, last = seen[0], seen[-1]
    low = next(point for point in seen if point[1] >= 0.1 * load.messages)
    high = next(point for point in seen if point[1] >= 0.9 * load.messages)
    sent, seconds = last[1] - first[1], max(last[0] - first[0], 1e-9)
    steady = (high[1] - low[1]) / max(high[0] - low[0], 1e-9)
    return Figure(steady, sent / seconds, 1000 * (last[2] - first[2]) / max(sent, 1), peak)


def spread(values: list[float]) -> dict[str, float]:
    """min, median and max of several runs."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}
