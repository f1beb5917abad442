"""When a process counts as deaf."""

from worker.watchdog import Progress, Watchdog


class World:
    """A clock, a queue and a watchdog of twenty seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: int | None = 0
        self.progress = Progress(lambda: self.now)
        self.watchdog = Watchdog(
            self.progress,
            lambda: self.waiting,
            silence_seconds=20,
            end=lambda: None,
            clock=lambda: self.now,
        )

    def looks(self, seconds: float) -> list[bool]:
        """A look every two seconds."""
        found = []
        until = self.now + seconds
        while self.now < until:
            self.now += 2
            found.append(self.watchdog.look())
        return found


def test_an_idle_process_is_not_deaf() -> None:
    assert not any(World().looks(300))


def test_work_that_waits_twenty_seconds_while_nothing_begins_is_deafness() -> None:
    world = World()
    world.looks(100)
    world.waiting = 3
    assert world.looks(30).index(True) * 2 + 2 >= 20


def test_work_that_comes_to_a_long_idle_process_has_its_twenty_seconds_too() -> None:
    world = World()
    world.looks(3600)
    world.waiting = 1
    assert world.looks(18) == [False] * 9


def test_a_process_that_begins_something_is_not_deaf_however_long_the_queue() -> None:
    world = World()
    world.waiting = 5000
    for _ in range(20):
        assert not any(world.looks(14))
        world.progress.began()
        world.progress.ended()


def test_a_task_that_runs_long_is_no_silence() -> None:
    world = World()
    world.progress.began()
    world.waiting = 10
    assert not any(world.looks(600))
    world.progress.ended()
    assert world.looks(30)[-1]


def test_a_broker_that_does_not_answer_is_waited_for() -> None:
    world = World()
    world.waiting = None
    assert not any(world.looks(600))
