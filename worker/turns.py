"""Whose turn it is: slots of a campaign, kept apart even when everything runs late."""

import time
from dataclasses import dataclass, field

from shared.db.messages import LeasedMessage

_REMEMBERED = 20_000


@dataclass(slots=True)
class Turns:
    """Per process: the earliest instant each campaign may send again (monotonic seconds).

    A late message does not catch up by bunching with the next one: each keeps the rate's distance
    to the one before it. Of a campaign that several workers share, the statement that begins an
    attempt keeps the distance.
    """

    _free_at: dict[int, float] = field(default_factory=dict)

    def reserve(self, message: LeasedMessage, slot: float) -> float:
        """The instant this message may leave: its slot, or later where the one before was late."""
        if message.shared_pace:
            return max(slot, time.monotonic())
        turn = max(slot, self._free_at.get(message.campaign_id, 0.0), time.monotonic())
        self._free_at[message.campaign_id] = turn + message.min_gap
        if len(self._free_at) > _REMEMBERED:
            self._forget()
        return turn

    def came_late(self, message: LeasedMessage) -> None:
        """A message that had its turn leaves only now: the next one keeps its distance to now."""
        free_at = max(self._free_at.get(message.campaign_id, 0.0), time.monotonic())
        self._free_at[message.campaign_id] = free_at + message.min_gap

    def next_free(self, campaign_id: int) -> float:
        """Seconds from now until the campaign may send again; 0 when it may now."""
        return max(self._free_at.get(campaign_id, 0.0) - time.monotonic(), 0.0)

    def _forget(self) -> None:
        now = time.monotonic()
        self._free_at = {key: at for key, at in self._free_at.items() if at > now}
