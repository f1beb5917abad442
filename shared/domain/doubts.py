"""Messages that may have been sent: what a campaign does about them, and how many are too many."""

from typing import Final, Literal

DoubtPolicy = Literal["hold", "give_up", "resend_once"]
Decision = Literal["sent", "failed", "resend"]

AFTER_HOURS: Final = 24
MOST_HOURS: Final = 168

#: More open doubts than this stop a campaign.
MANY: Final = 20
_LARGE_CAMPAIGN: Final = 1000
_SHARE_OF_LARGE: Final = 0.02


def too_many(doubts: int, total: int) -> bool:
    """Whether a campaign of `total` messages must not go on with this many open doubts."""
    return doubts > MANY or (total >= _LARGE_CAMPAIGN and doubts > _SHARE_OF_LARGE * total)
