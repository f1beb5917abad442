"""What a formula does not tell about growth: queues at the group commit, and a day with its peak,
its quiet hours and an outage. Pure: figures in, figures out."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

# Share of a day's messages in each hour: people are written to when they are awake.
DAY = (0, 0, 0, 0, 0, 0, 1, 2, 6, 9, 10, 9, 7, 7, 9, 10, 9, 8, 6, 4, 2, 1, 0, 0)
_HOUR = 3600.0
_AT_ONCE = 500  # the most that one commit of the engine holds


@dataclass(frozen=True, slots=True)
class Writer:
    """A statement and its commit: seconds whatever it holds, and seconds for each message more."""

    fixed_seconds: float
    message_seconds: float

    def takes(self, messages: int) -> float:
        """Seconds for one commit of so many."""
        return self.fixed_seconds + self.message_seconds * messages


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of a simulated stretch."""

    per_second: float
    begun_at_once: float
    """Mean messages of a beginning's commit."""
    waiting_seconds: float
    """Mean time of a message at both commits, its share of the work included."""


def group_commit(
    *, calls: int, latency_seconds: float, begin: Writer, verdict: Writer, messages: int
) -> Committed:
    """`calls` places, each with one message after the other: begin, call, verdict. Whatever waits
    for a writer goes with its next commit, as in the engine. Both writers work side by side."""
    queues: tuple[list[float], list[float]] = ([], [])
    writers, idle = (begin, verdict), [True, True]
    events: list[tuple[float, int, int, list[float]]] = []
    now, order, done, waited, commits = 0.0, 0, 0, 0.0, 0

    def at(when: float, kind: int, arrived: list[float]) -> None:
        nonlocal order
        order += 1
        heapq.heappush(events, (when, order, kind, arrived))

    def commit(which: int) -> None:
        nonlocal commits
        if idle[which] and queues[which]:
            batch = queues[which][:_AT_ONCE]
            del queues[which][:_AT_ONCE]
            idle[which] = False
            commits += which == 0
            at(now + writers[which].takes(len(batch)), which, batch)

    queues[0].extend([0.0] * calls)
    commit(0)
    begun = 0
    while done < messages:
        now, _, kind, arrived = heapq.heappop(events)
        if kind == _ANSWERED:
            queues[1].append(now)
            commit(1)
            continue
        idle[kind] = True
        waited += sum(now - since for since in arrived)
        if kind == 0:
            begun += len(arrived)
            for _ in arrived:
                at(now + latency_seconds, _ANSWERED, [])
        else:
            done += len(arrived)
            queues[0].extend([now] * len(arrived))
        commit(0)
        commit(1)
    return Committed(done / now, begun / commits, waited / done)


_ANSWERED = 2


@dataclass(frozen=True, slots=True)
class DayResult:
    """A day, and what followed until nothing waited."""

    peak_per_second: float
    busiest_share: float
    """Of the capacity, in the busiest minute."""
    most_waiting: float
    drained_after_seconds: float
    """From the end of the outage until nothing waited any more; 0 where nothing did."""


def day(
    *,
    messages: float,
    capacity_per_second: float,
    shares: Sequence[float] = DAY,
    outage_hours: tuple[float, float] | None = None,
) -> DayResult:
    """Minute by minute: what comes due, what can be sent, what waits. The night after the day and
    one day more are there for what it leaves.

    Raises:
        ValueError: a day's messages are more than a day can send.
    """
    total, step = sum(shares), 60.0
    if messages > capacity_per_second * 24 * _HOUR:
        raise ValueError("more than the capacity of a whole day")
    waiting = most = busiest = 0.0
    outage = tuple(hour * _HOUR for hour in outage_hours) if outage_hours else (0.0, 0.0)
    drained_at = outage[1]
    for minute in range(2 * 24 * 60):
        now = minute * step
        due = messages * shares[int(now / _HOUR) % 24] / total / 60 if now < 24 * _HOUR else 0.0
        room = 0.0 if outage[0] <= now < outage[1] else capacity_per_second * step
        sent = min(waiting + due, room)
        waiting += due - sent
        busiest = max(busiest, sent / (capacity_per_second * step))
        most = max(most, waiting)
        if waiting > 1e-6 and now >= outage[1]:
            drained_at = now + step
    peak = messages * max(shares) / total / _HOUR
    return DayResult(peak, busiest, most, drained_at - outage[1] if outage_hours else 0.0)
