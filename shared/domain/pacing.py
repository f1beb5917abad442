"""When the next messages of a campaign may leave: slots, at a human and allowed pace."""

from collections.abc import Callable
from dataclasses import dataclass

# Slots a hundredth wider than the rate allows: 121 messages of a 2/s plan span 60.6 s. Neither
# lateness that nobody counts (`tolerance`) nor the way to the provider, which was seen to vary by
# 0.2 s on a machine under full load, then makes them fit into its minute.
_HEADROOM = 1.01
# A full burst spread over a tenth more than its second, for the same reason.
_BURST_HEADROOM = 1.1


def min_gap(messages_per_second: float, burst_per_second: float) -> float:
    """Seconds two messages of a campaign are always apart.

    The rate on average, and never more than the burst in any second as the provider sees it. A plan
    whose rate is above its burst means the rate.
    """
    ceiling = max(burst_per_second, messages_per_second)
    return max(_HEADROOM / messages_per_second, _BURST_HEADROOM / ceiling)


def tolerance(gap: float) -> float:
    """Seconds a message may be behind its slot and still count as on time.

    With the headroom in `min_gap`, slots missed by so much never make one message too many in any
    second or minute.
    """
    return 0.15 if gap >= 0.25 else 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """A random pause in [`delay_min`, `delay_max`] seconds, never shorter than the plan allows."""

    delay_min: float
    delay_max: float
    messages_per_second: float
    burst_per_second: float = 10

    @property
    def min_gap(self) -> float:
        """Seconds two messages of the campaign are always apart."""
        return min_gap(self.messages_per_second, self.burst_per_second)

    @property
    def expected_gap(self) -> float:
        """Seconds between two messages on average."""
        return max((self.delay_min + self.delay_max) / 2, self.min_gap)

    def gap(self, dice: Callable[[], float]) -> float:
        """One pause; `dice` returns a number in [0, 1)."""
        pause = self.delay_min + (self.delay_max - self.delay_min) * dice()
        return max(pause, self.min_gap)


@dataclass(frozen=True, slots=True)
class Slots:
    """`waits`: seconds from now of each slot, rising; `then`: of the first one not given out."""

    waits: tuple[float, ...]
    then: float

    def used(self, count: int) -> float:
        """Seconds from now of the next free slot when only `count` of them were needed."""
        return self.waits[count] if count < len(self.waits) else self.then


def plan_slots(
    pace: Pace, *, first: float, horizon: float, limit: int, dice: Callable[[], float]
) -> Slots:
    """Slots from `first` (seconds from now, not negative) up to `horizon`, at most `limit`."""
    waits: list[float] = []
    at = first
    while at <= horizon and len(waits) < limit:
        waits.append(at)
        at += pace.gap(dice)
    return Slots(tuple(waits), at)
