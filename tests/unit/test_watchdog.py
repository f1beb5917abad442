"""When a process counts as deaf."""

from worker.watchdog import Progress, Signs, Watchdog

SILENCE, LEASE = 20, 60


class World:
    """A clock, a queue, PostgreSQL, a sending loop, and a watchdog of twenty seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: int | None = 0
        self.untaken: bool | None = False
        self.turns: int | None = 0
        self.turning = 1
        self.progress = Progress(lambda: self.now)
        self.watchdog = Watchdog(
            self.progress,
            Signs(lambda: self.waiting, lambda: self.untaken, lambda: self.turns),
            silence_seconds=SILENCE,
            lease_seconds=LEASE,
            end=lambda _: None,
            clock=lambda: self.now,
        )

    def looks(self, seconds: float) -> list[str | None]:
        """A look every two seconds."""
        found = []
        until = self.now + seconds
        while self.now < until:
            self.now += 2
            if self.turns is not None:
                self.turns += self.turning
            found.append(self.watchdog.look())
        return found


def test_an_idle_process_is_not_deaf() -> None:
    assert not any(World().looks(300))


def test_work_that_waits_twenty_seconds_while_nothing_begins_is_deafness() -> None:
    world = World()
    world.looks(100)
    world.waiting = 3
    assert world.looks(30).index("deaf") * 2 + 2 >= 20


def test_work_that_comes_to_a_long_idle_process_has_its_twenty_seconds_too() -> None:
    world = World()
    world.looks(3600)
    world.waiting = 1
    assert world.looks(18) == [None] * 9


def test_a_process_that_begins_something_is_not_deaf_however_long_the_queue() -> None:
    world = World()
    world.waiting = 5000
    world.untaken = True
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
    assert world.looks(30)[-1] == "deaf"


def test_a_broker_that_does_not_answer_is_waited_for() -> None:
    world = World()
    world.waiting = None
    world.untaken = True
    assert not any(world.looks(600))


def test_a_process_that_was_stopped_itself_has_its_twenty_seconds_anew() -> None:
    world = World()
    world.waiting = 3
    world.looks(10)
    world.now += 600
    assert world.looks(18) == [None] * 9
    assert "deaf" in world.looks(10)


def test_batches_lost_with_the_broker_are_waited_for_until_their_leases_lapse() -> None:
    world = World()
    world.looks(100)
    world.untaken = True
    assert not any(world.looks(LEASE))
    world.untaken = False  # lapsed, and the ones given out anew have arrived
    assert not any(world.looks(300))


def test_batches_given_out_anew_and_never_taken_show_who_listens_in_the_wrong_place() -> None:
    world = World()
    found: list[str | None] = []
    for _ in range(3):
        world.untaken = True
        found += world.looks(LEASE - 4)
        world.untaken = False
        found += world.looks(4)
    assert SILENCE + LEASE <= found.index("untaken") * 2 + 2 <= 2 * LEASE


def test_a_sending_loop_that_turns_no_more_ends_the_process_though_tasks_seem_to_run() -> None:
    world = World()
    world.progress.began()  # waits for room in the loop
    assert not any(world.looks(300))
    world.turning = 0
    assert world.looks(30).index("stalled") * 2 + 2 >= SILENCE


def test_a_process_without_a_sending_loop_cannot_stall() -> None:
    world = World()
    world.turns = None
    assert not any(world.looks(300))
