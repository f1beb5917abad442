"""When a process is loaded, and what is refused then."""

from api.load import Load
from api.shedding import PATIENCE_SECONDS


class Line:
    """A clock, and a line before the database that moves at a pace."""

    def __init__(self) -> None:
        self.now, self.served = 0.0, 0
        self.load = Load(lambda: self.now)

    def look(self, waiting: int) -> float:
        return self.load.expected_seconds(waiting=waiting, served=self.served)

    def run(self, seconds: float, *, waiting: int, per_second: int) -> float:
        """Looks ten times a second; what the last one expects."""
        expected = 0.0
        for _ in range(round(seconds * 10)):
            expected = self.look(waiting)
            self.now += 0.1
            self.served += per_second // 10
        return expected


def test_a_burst_is_no_overload() -> None:
    line = Line()
    assert line.run(0.9, waiting=500, per_second=10) == 0
    assert line.look(0) == 0


def test_a_long_line_that_moves_fast_is_no_overload() -> None:
    expected = Line().run(5, waiting=16, per_second=400)
    assert 0 < expected < min(PATIENCE_SECONDS.values())


def test_a_line_that_moves_slowly_is_one() -> None:
    assert abs(Line().run(5, waiting=16, per_second=20) - 0.8) < 0.1


def test_a_line_that_stands_is_endless() -> None:
    assert Line().run(3, waiting=1, per_second=0) == float("inf")


def test_it_ends_with_the_first_look_at_nobody_waiting() -> None:
    line = Line()
    line.run(3, waiting=5, per_second=0)
    assert line.look(0) == 0
    assert line.look(5) == 0


def test_the_least_needed_is_refused_first() -> None:
    assert sorted(PATIENCE_SECONDS, key=lambda kind: PATIENCE_SECONDS[kind]) == [
        "analytics",
        "export",
        "create",
        "read",
    ]
