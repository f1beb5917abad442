"""How long a message waits after a failure that proved nothing was sent."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Retry n waits `base * 2^(n-1)`, at most `ceiling`; after `retries` the message fails."""

    base: timedelta = timedelta(seconds=2)
    ceiling: timedelta = timedelta(minutes=5)
    retries: int = 5


def retry_delay(retry: int, policy: BackoffPolicy, *, jitter: float = 0.0) -> timedelta:
    """Wait before retry 1, 2, ...; `jitter` in [0, 1) stretches it by at most a tenth."""
    return min(policy.base * (2.0 ** (retry - 1) * (1 + jitter / 10)), policy.ceiling)
