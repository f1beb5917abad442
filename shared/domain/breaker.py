"""When an instance rests: more than N errors in a row open its breaker, for a time that doubles."""

from dataclasses import dataclass, replace
from enum import StrEnum

from pybreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN


class BreakerState(StrEnum):
    """pybreaker's states. Its `call()` holds a lock during the call, so its breaker serves us as a
    gate only: decide before, report after; the state lives in the lane's row."""

    CLOSED = STATE_CLOSED
    OPEN = STATE_OPEN
    HALF_OPEN = STATE_HALF_OPEN


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Opens on error `errors_allowed + 1` in a row; rests `open_seconds`, doubling."""

    errors_allowed: int = 5
    open_seconds: float = 30.0
    ceiling_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of one instance; `rest_seconds` is set by the move that opened it."""

    state: BreakerState = BreakerState.CLOSED
    errors_in_a_row: int = 0
    times_opened: int = 0
    rest_seconds: float = 0.0

    @property
    def allows(self) -> bool:
        """A message may be sent now (half-open: the one that was let through)."""
        return self.state is not BreakerState.OPEN

    def after_success(self) -> "Breaker":
        """Only a success of a message let through closes it: one that was under way while another
        answer opened it does not."""
        return self if self.state is BreakerState.OPEN else Breaker()

    def after_error(
        self, policy: BreakerPolicy, *, jitter: float, at_once: bool = False, at_least: float = 0.0
    ) -> "Breaker":
        """Count an error.

        `at_once`: the instance said it cannot send, so one is enough. `at_least`: seconds the
        provider asked for (`Retry-After`). `jitter` in [0, 1) stretches the rest by up to a tenth.
        """
        errors = self.errors_in_a_row + 1
        if self.state is BreakerState.OPEN:  # of a call that was under way: it does not open twice
            return replace(
                self, errors_in_a_row=errors, rest_seconds=max(self.rest_seconds, at_least)
            )
        trips = at_once or self.state is BreakerState.HALF_OPEN or errors > policy.errors_allowed
        if not trips:
            return replace(self, errors_in_a_row=errors)
        rest = min(policy.open_seconds * 2**self.times_opened, policy.ceiling_seconds)
        return Breaker(
            BreakerState.OPEN,
            errors_in_a_row=errors,
            times_opened=min(self.times_opened + 1, 16),
            rest_seconds=max(rest * (1 + jitter / 10), at_least),
        )
