"""What a call to the provider means for its message."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.backoff import BackoffPolicy, retry_delay
from shared.errors import InstanceOffline, NotBegun, ProviderError, Rejected, Unavailable


class VerdictKind(StrEnum):
    """`record_verdicts` in messages.sql moves the message by this word."""

    SENT = "sent"
    RETRY = "retry"  # nothing sent: again later, counts against the retries
    REST = "rest"  # nothing sent and not the message's fault: again later, counts for nothing
    FAILED = "failed"  # nothing sent, and never will be
    UNKNOWN = "unknown"  # it may have been sent: in doubt
    GIVEN_UP = "given_up"  # a doubt that a person or a policy takes for not sent
    SUPPRESSED = "suppressed"  # the person opted out while the message was leased


_NOT_THE_INSTANCE = {"media_download_failed", "not_begun_in_time"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A 201 with `key.id`: handed to WhatsApp's socket. `remote_jid` may differ from the number."""

    provider_id: str
    remote_jid: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one attempt means. Durations in seconds; `code` is a word of domain/reasons.py."""

    kind: VerdictKind
    code: str | None = None
    detail: str | None = None
    http_status: int | None = None
    provider_id: str | None = None
    remote_jid: str | None = None
    wait_seconds: float = 0.0
    duration_seconds: float = 0.0

    @property
    def troubles_instance(self) -> bool:
        """Counts toward the instance's breaker: transport failures and unknowns, not refusals, a
        campaign's broken image or our own delays."""
        return self.code not in _NOT_THE_INSTANCE and (
            self.kind in {VerdictKind.RETRY, VerdictKind.REST, VerdictKind.UNKNOWN}
            or self.code == "unreachable"
        )


def sent(receipt: Receipt, *, duration_seconds: float) -> Verdict:
    """The provider confirmed with a key."""
    return Verdict(
        VerdictKind.SENT,
        http_status=201,
        provider_id=receipt.provider_id,
        remote_jid=receipt.remote_jid,
        duration_seconds=duration_seconds,
    )


def verdict_for(
    error: ProviderError,
    *,
    failures: int,
    policy: BackoffPolicy,
    jitter: float,
    duration_seconds: float = 0.0,
) -> Verdict:
    """Turn what the provider said into a verdict; `failures` counts this one too."""
    kind, code, wait = VerdictKind.UNKNOWN, error.code, 0.0
    if isinstance(error, Rejected):
        kind = VerdictKind.FAILED
    elif isinstance(error, InstanceOffline):
        kind, wait = VerdictKind.REST, error.retry_after_seconds or 0.0
    elif isinstance(error, NotBegun):
        kind = VerdictKind.REST
    elif isinstance(error, Unavailable):
        if failures > policy.retries:
            broken_image = error.code in _NOT_THE_INSTANCE
            kind, code = VerdictKind.FAILED, error.code if broken_image else "unreachable"
        else:
            kind = VerdictKind.RETRY
            wait = retry_delay(failures, policy, jitter=jitter).total_seconds()
    return Verdict(
        kind,
        code=code,
        detail=error.detail or None,
        http_status=error.http_status,
        wait_seconds=wait,
        duration_seconds=duration_seconds,
    )
