import pytest

from shared.domain.doubts import too_many


@pytest.mark.parametrize(
    ("doubts", "total", "stops"),
    [
        (20, 45, False),
        (21, 45, True),
        (20, 999, False),
        (20, 1000, False),
        (21, 1000, True),
        (21, 10_000, True),
        (0, 1, False),
    ],
)
def test_more_than_twenty_doubts_stop_a_campaign(doubts: int, total: int, stops: bool) -> None:
    assert too_many(doubts, total) is stops
