"""Campaigns: create, look, steer, export."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from psycopg import Connection

from api import campaign_actions, exports, query
from api.auth import current_principal, require
from api.body import read_json
from api.runtime import Runtime, runtime
from api.schemas.campaigns import (
    CampaignBody,
    campaign_answer,
    campaign_detail,
    message_answer,
    metrics_answer,
    timing_answer,
    top_errors,
)
from shared.db import analytics, audit, campaigns, message_pages, texts
from shared.db.campaigns import Campaign, Filters
from shared.db.message_pages import MESSAGE_STATUSES
from shared.db.pool import Row, tenant_transaction
from shared.db.users import User
from shared.domain.health_score import rates
from shared.errors import RateLimited, TemporarilyUnavailable
from shared.events.models import iso
from shared.observability import metrics

bp = Blueprint("campaigns", __name__, url_prefix="/api/campaigns")

STATUSES = ("scheduled", "pending", "running", "paused", "completed", "cancelled", "failed")
_EXPORTS_PER_HOUR = 5


@bp.post("")
@require("operator")
def create_campaign(user: User) -> ResponseReturnValue:
    """A campaign from a list of contacts and a message."""
    parts = runtime()
    body = CampaignBody.model_validate(read_json(parts.settings.http.campaign_bytes))
    return campaign_actions.create(parts, user, body)


@bp.get("")
@require("viewer")
def list_campaigns(user: User) -> ResponseReturnValue:
    """Newest first; `?status=running,paused&search=…&limit=…&cursor=…`."""
    query.check_names("limit", "cursor", "status", "search")
    limit = query.limit(50, 100)
    scope = f"campaigns|{user.tenant_id}"
    filters = Filters(query.choices("status", STATUSES), query.search(), query.cursor(scope))
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        found = campaigns.list_campaigns(conn, user.tenant_id, filters, limit=limit + 1)
    more = query.next_cursor(scope, found[limit - 1].campaign_id) if len(found) > limit else None
    shown = [campaign_answer(campaign) for campaign in found[:limit]]
    return {"success": True, "campaigns": shown, "next_cursor": more}


@bp.get("/dashboard")
@require("viewer")
def dashboard(user: User) -> ResponseReturnValue:
    """Totals, the newest campaigns and thirty days."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        summary = analytics.get_summary(conn, user.tenant_id)
        recent = campaigns.list_campaigns(conn, user.tenant_id, Filters(), limit=10)
        days = analytics.list_days(conn, user.tenant_id)
    return {
        "success": True,
        "dashboard": {
            "summary": {name: getattr(summary, name) for name in type(summary).__slots__},
            "recent_campaigns": [campaign_answer(campaign) for campaign in recent],
            "daily_performance": [
                {
                    "date": day.day.isoformat(),
                    "total": day.sent + day.failed,
                    "sent": day.sent,
                    "errors": day.failed,
                    "success_rate": rates(day.sent, day.failed)[0],
                }
                for day in days
            ],
        },
    }


@bp.get("/<reference>")
@require("viewer")
def get_campaign(user: User, reference: str) -> ResponseReturnValue:
    """One campaign, by number or `CAMP-…`."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        reasons = campaigns.list_reasons(conn, user.tenant_id, campaign.campaign_id)
        used = campaigns.list_instances(conn, user.tenant_id, campaign.campaign_id)
        text = texts.find_progress(conn, user.tenant_id, campaign.campaign_id)
    return {"success": True, "campaign": campaign_detail(campaign, reasons, used, text)}


@bp.get("/<reference>/metrics")
@require("viewer")
def get_metrics(user: User, reference: str) -> ResponseReturnValue:
    """The spec's metrics, from counters."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
    return {"success": True, "metrics": metrics_answer(campaign)}


@bp.get("/<reference>/performance")
@require("viewer")
def get_performance(user: User, reference: str) -> ResponseReturnValue:
    """Hours, errors and durations."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        shown = _performance(conn, user.tenant_id, campaign)
    return {"success": True, "performance": shown}


@bp.get("/<reference>/messages")
@require("viewer")
def list_messages(user: User, reference: str) -> ResponseReturnValue:
    """In list order; `?status=failed,in_doubt&limit=…&cursor=…`; viewers see masked phones."""
    query.check_names("limit", "cursor", "status")
    limit = query.limit(100, 1000)
    statuses = query.choices("status", MESSAGE_STATUSES)
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        number = campaigns.get_campaign(conn, user.tenant_id, reference).campaign_id
        scope = f"messages|{user.tenant_id}|{number}"
        after = query.cursor(scope)
        page = message_pages.list_page(
            conn,
            user.tenant_id,
            number,
            after=-1 if after is None else after,
            limit=limit + 1,
            statuses=statuses,
        )
    more = query.next_cursor(scope, page[limit - 1].position) if len(page) > limit else None
    masked = user.role == "viewer"
    shown = [message_answer(line, masked=masked) for line in page[:limit]]
    return {"success": True, "messages": shown, "next_cursor": more}


@bp.post("/<reference>/pause")
@require("operator")
def pause(user: User, reference: str) -> ResponseReturnValue:
    """Nothing more begins."""
    return campaign_actions.move(runtime(), user, reference, "pause")


@bp.post("/<reference>/resume")
@require("operator")
def resume(user: User, reference: str) -> ResponseReturnValue:
    """Back into the queue."""
    return campaign_actions.move(runtime(), user, reference, "resume")


@bp.post("/<reference>/cancel")
@require("operator")
def cancel(user: User, reference: str) -> ResponseReturnValue:
    """End it; what is being sent this moment ends by itself."""
    return campaign_actions.move(runtime(), user, reference, "cancel")


@bp.get("/<reference>/export")
@require("operator")
def export(user: User, reference: str) -> ResponseReturnValue:
    """The whole report, streamed; `?format=json|csv`."""
    query.check_names("format")
    wanted = (query.choices("format", ("json", "csv")) or ["json"])[0]
    parts = runtime()
    _limit_exports(parts, user)
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        head = {
            "campaign": _campaign_head(conn, user.tenant_id, campaign),
            "performance": _performance(conn, user.tenant_id, campaign),
            "generated_at": iso(datetime.now(UTC)),
        }
        audit.record(
            conn,
            user.tenant_id,
            actor=current_principal().actor,
            action="export",
            subject=campaign.public_id,
            detail={"format": wanted},
        )
    return _stream(parts, user, campaign, head, wanted)


def _stream(
    parts: Runtime, user: User, campaign: Campaign, head: dict[str, Any], wanted: str
) -> Response:
    if not parts.exports.acquire(blocking=False):
        raise TemporarilyUnavailable(
            "Há exportações demais em andamento.", code="exports_busy", retry_after_seconds=10
        )
    if wanted == "csv":
        body = exports.stream_csv(parts, user.tenant_id, campaign)
        content_type = "text/csv; charset=utf-8"
    else:
        body = exports.stream_json(parts, user.tenant_id, campaign, head)
        content_type = "application/json"
    response = Response(body, content_type=content_type)
    name = exports.file_name(campaign, wanted)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.call_on_close(parts.exports.release)
    return response


def _limit_exports(parts: Runtime, user: User) -> None:
    allowance = parts.limits.hit(
        "exports",
        f"{user.tenant_id}:{user.user_id}",
        limit=_EXPORTS_PER_HOUR,
        seconds=3600,
    )
    if not allowance.allowed:
        metrics.record_rate_limited("exports")
        raise RateLimited(
            f"No máximo {_EXPORTS_PER_HOUR} exportações por hora.",
            code="exports_limited",
            retry_after_seconds=allowance.reset_seconds,
        )


def _campaign_head(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> dict[str, Any]:
    reasons = campaigns.list_reasons(conn, tenant_id, campaign.campaign_id)
    used = campaigns.list_instances(conn, tenant_id, campaign.campaign_id)
    text = texts.find_progress(conn, tenant_id, campaign.campaign_id)
    return {**campaign_detail(campaign, reasons, used, text), "metrics": metrics_answer(campaign)}


def _performance(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> dict[str, Any]:
    hours = analytics.list_hours(conn, tenant_id, campaign.campaign_id)
    reasons = campaigns.list_reasons(conn, tenant_id, campaign.campaign_id)
    return {
        "hourly_analysis": [
            {
                "hour": line.hour,
                "total": line.sent + line.failed,
                "sent": line.sent,
                "errors": line.failed,
                "success_rate": rates(line.sent, line.failed)[0],
            }
            for line in hours
        ],
        "top_errors": top_errors(reasons),
        "timing_stats": timing_answer(campaign),
    }
