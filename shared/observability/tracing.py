"""Whether this process makes spans (docs/tracing.md). Where it does not, nothing of OpenTelemetry
is imported, nor the classes that make spans: the path of a message is as it reads."""

import threading
from contextlib import AbstractContextManager, nullcontext

from shared.settings import Settings

_starting = threading.Lock()
_on = False


def start_tracing(settings: Settings, service: str) -> bool:
    """Make spans from now on if an endpoint is set, and say whether. Call it after the fork; a
    second call changes nothing."""
    global _on
    if _on or not settings.tracing.endpoint:
        return _on
    with _starting:
        if not _on:
            from shared.observability import spans  # only where it is on

            spans.start(settings, service)
            _on = True
    return True


def is_on() -> bool:
    """Whether this process makes spans."""
    return _on


def stop_tracing() -> None:
    """Export what is left, for two seconds at most: last thing in a process."""
    if _on:
        from shared.observability import spans

        spans.stop()


def creating(campaign_id: str) -> AbstractContextManager[object]:
    """The block stores a new campaign (`CAMP-…`): what its batches are linked to."""
    if not _on:
        return nullcontext()
    from shared.observability import spans

    return spans.creation(campaign_id)
