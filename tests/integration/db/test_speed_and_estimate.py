"""The speed of late and the estimate, as the database computes them."""

import psycopg
import pytest


@pytest.mark.parametrize(
    ("open_messages", "gap", "rate", "seconds"),
    [
        (0, 0.5, 2.0, 0),
        (-1, 0.5, 2.0, 0),
        (10, None, None, None),  # nothing is known yet
        (10, 0.5, None, 5),  # its own pace, before anything was sent
        (10, 0.5, 0.0, 5),  # nothing of late (a pause, a breaker): its own pace
        (10, 0.5, 1.0, 10),  # slower than its pace: what is seen
        (10, 0.5, 4.0, 5),  # faster than its pace cannot last
        (10, 4.999, 0.1, 100),
        (10, 5.0, 0.1, 50),  # a human pace dominates
        (3, 45.0, 0.02, 135),
    ],
)
def test_the_estimate_follows_the_pace_and_what_is_seen(
    database_url: str,
    open_messages: int,
    gap: float | None,
    rate: float | None,
    seconds: int | None,
) -> None:
    with psycopg.connect(database_url) as conn:
        query = "SELECT eta_seconds(%s::int, %s::double precision, %s::double precision)"
        assert conn.execute(query, (open_messages, gap, rate)).fetchone() == (seconds,)


@pytest.mark.parametrize(
    ("age", "sent", "before", "per_second"),
    [
        (0, 2, 0, 2.0),  # the first second counts whole
        (10, 20, 0, 2.0),
        (59, 118, 0, 2.0),
        (30, 30, 60, 1.0),  # half of the minute before is still in the window
        (60, 60, 0, 1.0),
        (90, 60, 0, 0.5),
        (119.5, 60, 0, 0.008),
        (120, 60, 0, 0.0),
        (None, 0, 0, None),
    ],
)
def test_the_speed_is_that_of_a_moving_minute(
    database_url: str, age: float | None, sent: int, before: int, per_second: float | None
) -> None:
    with psycopg.connect(database_url) as conn:
        query = (
            "SELECT recent_rate(clock_timestamp() - make_interval(secs => %s::double precision),"
            " %s::int, %s::int)"
        )
        row = conn.execute(query, (age, sent, before)).fetchone()
    assert row is not None
    assert row[0] == (None if per_second is None else pytest.approx(per_second, abs=0.05))
