"""Whose turn it is: slots of a campaign, kept apart even when everything runs late."""

import time
from dataclasses import dataclass, field

from shared.db.messages import LeasedMessage
from shared.domain.pacing import min_gap

_REMEMBERED = 20_000


@dataclass(slots=True)
class Turns:
    """Per process: the earliest instant each campaign may send again (monotonic seconds).

    A late message does not catch up by bunching with the next one: each keeps the rate's distance
    to the one before it.
    """

    _free_at: dict[int, float] = field(default_factory=dict)

    def reserve(self, message: LeasedMessage, slot: float) -> float:
        """The instant this message may leave: its slot, or later where the one before was late."""
        gap = min_gap(message.messages_per_second, message.burst_per_second)
        turn = max(slot, self._free_at.get(message.campaign_id, 0.0), time.monotonic())
        self._free_at[message.campaign_id] = turn + gap
        if len(self._free_at) > _REMEMBERED:
            self._forget()
        return turn

    def next_free(self, campaign_id: int) -> float:
        """Seconds from now until the campaign may send again; 0 when it may now."""
        return max(self._free_at.get(campaign_id, 0.0) - time.monotonic(), 0.0)

    def _forget(self) -> None:
        now = time.monotonic()
        self._free_at = {key: at for key, at in self._free_at.items() if at > now}
