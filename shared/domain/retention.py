"""What of an ended campaign may go by now, and when to look again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: However long it is until the next kind may go: a setting that was shortened counts within a week.
LONGEST_WAIT: Final = timedelta(days=7)
#: A campaign with open doubts keeps everything; it is asked again so often.
HELD_WAIT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CampaignKeeping:
    """How long after its end a campaign keeps each kind."""

    events: timedelta
    model_texts: timedelta
    people: timedelta  # names, phones, variables, texts; then the attempts
    hours: timedelta

    @property
    def all(self) -> tuple[timedelta, ...]:
        """Of every kind."""
        return self.events, self.model_texts, self.people, self.hours


def next_look(kept: Iterable[timedelta], age: timedelta) -> timedelta | None:
    """How long until the next kind's time is over, a week at most; None where all are.

    `age` is the time since the campaign's end.
    """
    left = [life - age for life in kept if life > age]
    return min(*left, LONGEST_WAIT) if left else None
