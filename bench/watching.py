"""Follow campaigns to their end from outside: a small query now and then, so that whoever measures
takes nothing from what is measured."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil

from bench.processes import cpu_seconds, resident_mib
from tests.factories import CampaignRow, Factory, Tenant

_LOOK_SECONDS = 0.1
_MEMORY_SECONDS = 0.5  # adding up a process's pages is the dearest look
_STALLED_SECONDS = 60.0

_DONE = "SELECT coalesce(sum(processed), 0) FROM campaign_counters WHERE campaign_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Figure:
    """One run: messages a second between 10 % and 90 % of them, CPU of product and servers from
    the start to the last message (and the servers' part of it), memory of the product's processes.
    """

    steady_per_second: float
    cpu_milliseconds: float
    servers_milliseconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Since:
    """CPU seconds used before the measurement."""

    engine: float = 0.0
    stores: float = 0.0


def since_now(engine: Sequence[psutil.Process], stores: Sequence[psutil.Process]) -> Since:
    """What was used up to now does not count."""
    return Since(cpu_seconds(engine), cpu_seconds(stores))


@contextlib.contextmanager
def held_back(factory: Factory, tenant: Tenant) -> Iterator[None]:
    """No campaign of this tenant starts inside the block: all of them start together after it.

    Dispatch leaves alone whoever another dispatcher is counting, which is what this looks like.
    """
    with factory.connect() as conn, conn.transaction():
        conn.execute("SELECT FROM users WHERE user_id = %s FOR NO KEY UPDATE", (tenant.user_id,))
        yield


def follow(
    factory: Factory,
    campaigns: Sequence[CampaignRow],
    messages: int,
    *,
    engine: Sequence[psutil.Process],
    stores: Sequence[psutil.Process],
    since: Since,
) -> Figure:
    """Watch until all `messages` are processed.

    Raises:
        TimeoutError: nothing moved for a minute.
    """
    ids = [campaign.campaign_id for campaign in campaigns]
    seen: list[tuple[float, int]] = []
    peak = memory_at = 0.0
    moved_at = time.perf_counter()
    with factory.connect() as conn:
        while True:
            row = conn.execute(_DONE, (ids,)).fetchone()
            done, now = int(str(row[0])) if row else 0, time.perf_counter()
            if done and (not seen or done > seen[-1][1]):
                seen.append((now, done))
                moved_at = now
            if done >= messages:
                break
            if now - moved_at > _STALLED_SECONDS:
                raise TimeoutError(f"{done} of {messages} messages, and no more for a minute")
            if now - memory_at > _MEMORY_SECONDS:
                peak, memory_at = max(peak, resident_mib(engine)), now
            time.sleep(_LOOK_SECONDS)
    ours, servers = cpu_seconds(engine) - since.engine, cpu_seconds(stores) - since.stores
    return Figure(
        steady_rate(seen, messages),
        1000 * (ours + servers) / messages,
        1000 * servers / messages,
        peak,
    )


def steady_rate(seen: Sequence[tuple[float, int]], messages: int) -> float:
    """Messages a second between the looks that first saw 10 % and 90 % of them."""
    low = next(point for point in seen if point[1] >= 0.1 * messages)
    high = next(point for point in seen if point[1] >= 0.9 * messages)
    if high[0] == low[0]:  # too short to tell: from nothing to everything
        return messages / _LOOK_SECONDS
    return (high[1] - low[1]) / (high[0] - low[0])
