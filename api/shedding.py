"""Under load the least needed goes first: analytics, then exports, new campaigns, reads.

Load is how many requests of this process wait for a database connection. Receipts, sign-in and
people's orders (pause, cancel, decide) are never turned away here.
"""

from typing import Final

from flask import request

from api.runtime import Runtime
from shared.errors import TemporarilyUnavailable
from shared.observability import metrics

_ANALYTICS: Final = frozenset(
    {"campaigns.dashboard", "campaigns.get_metrics", "campaigns.get_performance"}
)
_CREATES: Final = frozenset(
    {"campaigns.create_campaign", "campaign_changes.clone", "previews.preview_campaign"}
)
#: At what share of the most that may wait each kind is refused.
_SHARE: Final = {"analytics": 0.25, "export": 0.4, "create": 0.5, "read": 0.75}
_RETRY_SECONDS: Final = 2


def shed(parts: Runtime) -> None:
    """Refuse this request where more needed ones are waiting.

    Raises:
        TemporarilyUnavailable: 503 with Retry-After, at once.
    """
    kind = _kind()
    if kind is None:
        return
    waiting = parts.pool.get_stats().get("requests_waiting", 0)
    if waiting < _SHARE[kind] * parts.settings.http.shed_waiting:
        return
    metrics.record_shed(kind)
    raise TemporarilyUnavailable(
        "Há pedidos demais neste momento; tente de novo em instantes.",
        code="overloaded",
        retry_after_seconds=_RETRY_SECONDS,
    )


def _kind() -> str | None:
    endpoint = request.endpoint or ""
    if endpoint in _ANALYTICS:
        return "analytics"
    if endpoint == "campaigns.export":
        return "export"
    if endpoint in _CREATES:
        return "create"
    reads = request.method == "GET" and request.path.startswith("/api/")
    return "read" if reads and not request.path.startswith("/api/auth") else None
