"""Under load the least needed goes first: analytics, then exports, new campaigns, reads.

A request is refused when it would wait longer for a database connection than its kind is worth.
Receipts, sign-in and people's orders (pause, cancel, decide) are never turned away.
"""

import math
from typing import Final

from flask import request

from api.runtime import Runtime
from shared.errors import TemporarilyUnavailable
from shared.observability import metrics

_ANALYTICS: Final = frozenset(
    {
        "campaigns.dashboard",
        "campaigns.get_live",
        "campaigns.get_metrics",
        "campaigns.get_performance",
    }
)
_CREATES: Final = frozenset(
    {"campaigns.create_campaign", "campaign_changes.clone", "previews.preview_campaign"}
)
_RETRY_SECONDS: Final = 2
#: The longest wait each kind is let into; past two seconds the pool itself gives up.
PATIENCE_SECONDS: Final = {"analytics": 0.5, "export": 0.7, "create": 1.0, "read": 1.5}


def shed(parts: Runtime) -> None:
    """Refuse this request where more needed ones are waiting.

    Raises:
        TemporarilyUnavailable: 503 with Retry-After, at once.
    """
    stats = parts.pool.get_stats()
    waiting = stats.get("requests_waiting", 0)
    served = stats.get("requests_num", 0) - stats.get("requests_errors", 0) - waiting
    expected = parts.load.expected_seconds(waiting=waiting, served=served)
    kind = _kind()
    if kind is None or expected < PATIENCE_SECONDS[kind]:
        return
    metrics.record_shed(kind)
    if math.isinf(expected):  # the line stands still: no matter of load
        raise TemporarilyUnavailable(
            "O banco de dados está ocupado ou fora do ar; tente de novo.",
            code="database_unavailable",
            retry_after_seconds=_RETRY_SECONDS,
        )
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
