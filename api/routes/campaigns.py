"""Campaigns: create, look, steer, export."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from psycopg import Connection

from api import campaign_actions, campaign_live, exports, query
from api.auth import current_principal, require
from api.body import read_json
from api.campaign_reports import detail_of, metrics_of
from api.openapi.describe import ANALYTICS, CAMPAIGNS, File, describes
from api.openapi.faults import CAMPAIGN_NOT_FOUND, Fault
from api.runtime import Runtime, runtime
from api.schemas.campaign_answers import (
    CampaignCreated,
    CampaignDetailShown,
    CampaignPage,
    CampaignPerformance,
    CampaignReportHead,
    CampaignShown,
    DashboardShown,
    MessagePage,
    MetricsShown,
    PerformanceShown,
    ReportHead,
    ReportShown,
)
from api.schemas.campaigns import (
    CampaignBody,
    CampaignQuery,
    ExportQuery,
    MessageQuery,
    campaign_answer,
    message_answer,
    timing_answer,
    top_errors,
)
from api.schemas.live import LiveShown
from shared.db import analytics, audit, campaigns, message_pages
from shared.db.campaigns import Campaign, Filters
from shared.db.message_pages import Wanted
from shared.db.pool import Row, tenant_transaction
from shared.db.users import User
from shared.domain.health_score import rates
from shared.errors import RateLimited, TemporarilyUnavailable
from shared.observability import metrics

bp = Blueprint("campaigns", __name__, url_prefix="/api/campaigns")

_REFUSED_DRAFT = (
    Fault(422, "no_sendable_contacts", "Nenhum contato pode receber mensagens."),
    Fault(422, "unknown_instance", "config.instance: instância desconhecida: vendas2."),
    Fault(
        422,
        "unknown_variables",
        "config.systemPrompt usa variáveis que os contatos não têm: {{empresa}}.",
    ),
    Fault(422, "text_invalid", "O texto não serve para todos os contatos."),
)
_ENDED = Fault(409, "campaign_completed", "A campanha está 'completed' e não aceita esta ação.")
_EXPORTS_PER_HOUR = 5
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@bp.post("")
@describes(
    "Cria uma campanha",
    CAMPAIGNS,
    description="Tudo ou nada. Contatos ruins são pulados e contados; nenhum bom: 422.",
    body=CampaignBody,
    body_limit="4 MiB",
    answers={201: CampaignCreated},
    faults=_REFUSED_DRAFT,
    idempotent=True,
)
@require("operator")
def create_campaign(user: User) -> ResponseReturnValue:
    """A campaign from a list of contacts and a message."""
    parts = runtime()
    raw = read_json(parts.settings.http.campaign_bytes)
    return campaign_actions.create(parts, user, campaign_actions.read_draft(parts, user, raw))


@bp.get("")
@describes(
    "Lista as campanhas, das mais novas às mais antigas",
    CAMPAIGNS,
    query=CampaignQuery,
    answers={200: CampaignPage},
)
@require("viewer")
def list_campaigns(user: User) -> ResponseReturnValue:
    """Newest first; `?status=running,paused&search=…&limit=…&cursor=…`."""
    asked = query.read(CampaignQuery)
    limit, scope = asked.limit, f"campaigns|{user.tenant_id}"
    filters = Filters(asked.status, asked.search, query.open_cursor(asked.cursor, scope))
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        found = campaigns.list_campaigns(conn, user.tenant_id, filters, limit=limit + 1)
    more = query.next_cursor(scope, found[limit - 1].campaign_id) if len(found) > limit else None
    shown = [campaign_answer(campaign) for campaign in found[:limit]]
    return CampaignPage(success=True, campaigns=shown, next_cursor=more)


@bp.get("/dashboard")
@describes(
    "Painel: totais, campanhas recentes e trinta dias", ANALYTICS, answers={200: DashboardShown}
)
@require("viewer")
def dashboard(user: User) -> ResponseReturnValue:
    """Totals, the newest campaigns and thirty days."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        summary = analytics.get_summary(conn, user.tenant_id)
        recent = campaigns.list_campaigns(conn, user.tenant_id, Filters(), limit=10)
        days = analytics.list_days(conn, user.tenant_id)
    answer: DashboardShown = {
        "success": True,
        "dashboard": {
            "summary": {
                "total_campaigns": summary.total_campaigns,
                "completed_campaigns": summary.completed_campaigns,
                "running_campaigns": summary.running_campaigns,
                "avg_success_rate": summary.avg_success_rate,
                "total_sent": summary.total_sent,
                "total_errors": summary.total_errors,
                "total_in_doubt": summary.total_in_doubt,
            },
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
    return answer


@bp.get("/<reference>")
@describes(
    "Uma campanha",
    CAMPAIGNS,
    answers={200: CampaignDetailShown},
    faults=(CAMPAIGN_NOT_FOUND,),
)
@require("viewer")
def get_campaign(user: User, reference: str) -> ResponseReturnValue:
    """One campaign, by number or `CAMP-…`."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        shown = detail_of(conn, user.tenant_id, campaign)
    return CampaignDetailShown(success=True, campaign=shown)


@bp.get("/<reference>/live")
@describes(
    "Tudo para acompanhar uma campanha ao vivo",
    ANALYTICS,
    description=(
        "A campanha, as métricas, as etapas, os números e os envios ao longo do tempo, de uma vez; "
        "o que vem depois chega por `/ws`, a partir de `metrics.last_seq`."
    ),
    answers={200: LiveShown},
    faults=(CAMPAIGN_NOT_FOUND,),
)
@require("viewer")
def get_live(user: User, reference: str) -> ResponseReturnValue:
    """Everything a page that watches one campaign begins with."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        shown = campaign_live.look(conn, user.tenant_id, reference)
    return LiveShown(success=True, live=shown)


@bp.get("/<reference>/metrics")
@describes(
    "Métricas da campanha",
    ANALYTICS,
    answers={200: MetricsShown},
    faults=(CAMPAIGN_NOT_FOUND,),
)
@require("viewer")
def get_metrics(user: User, reference: str) -> ResponseReturnValue:
    """The spec's metrics, from counters."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        shown = metrics_of(conn, user.tenant_id, campaign)
    return MetricsShown(success=True, metrics=shown)


@bp.get("/<reference>/performance")
@describes(
    "Desempenho por hora, erros mais comuns e tempos de envio",
    ANALYTICS,
    answers={200: PerformanceShown},
    faults=(CAMPAIGN_NOT_FOUND,),
)
@require("viewer")
def get_performance(user: User, reference: str) -> ResponseReturnValue:
    """Hours, errors and durations."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        shown = _performance(conn, user.tenant_id, campaign)
    return PerformanceShown(success=True, performance=shown)


@bp.get("/<reference>/messages")
@describes(
    "Mensagens da campanha, na ordem da lista",
    CAMPAIGNS,
    description=(
        "Quem só visualiza vê telefones mascarados. Os filtros valem todos juntos; `stage` olha o "
        "que já aconteceu, `status` o que é agora; `search` acha nomes e telefones."
    ),
    query=MessageQuery,
    answers={200: MessagePage},
    faults=(CAMPAIGN_NOT_FOUND,),
)
@require("viewer")
def list_messages(user: User, reference: str) -> ResponseReturnValue:
    """In list order; `?status=failed,in_doubt&reason=…&search=…`; viewers see masked phones."""
    asked = query.read(MessageQuery)
    limit, masked = asked.limit, user.role == "viewer"
    wanted = Wanted(asked.status, asked.stage, asked.reason, asked.search, by_phone=not masked)
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        number = campaigns.get_campaign(conn, user.tenant_id, reference).campaign_id
        scope = f"messages|{user.tenant_id}|{number}"
        after = query.open_cursor(asked.cursor, scope)
        page = message_pages.list_page(
            conn,
            user.tenant_id,
            number,
            after=-1 if after is None else after,
            limit=limit + 1,
            wanted=wanted,
        )
    more = query.next_cursor(scope, page[limit - 1].position) if len(page) > limit else None
    shown = [message_answer(line, masked=masked) for line in page[:limit]]
    return MessagePage(success=True, messages=shown, next_cursor=more)


@bp.post("/<reference>/pause")
@describes(
    "Pausa a campanha",
    CAMPAIGNS,
    description="Nada mais começa; o que está saindo termina.",
    answers={200: CampaignShown},
    faults=(CAMPAIGN_NOT_FOUND, _ENDED),
    idempotent=True,
)
@require("operator")
def pause(user: User, reference: str) -> ResponseReturnValue:
    """Nothing more begins."""
    return campaign_actions.move(runtime(), user, reference, "pause")


@bp.post("/<reference>/resume")
@describes(
    "Retoma a campanha",
    CAMPAIGNS,
    description="Ela volta à fila.",
    answers={200: CampaignShown},
    faults=(
        CAMPAIGN_NOT_FOUND,
        _ENDED,
        Fault(
            409,
            "campaign_restored",
            "O banco foi restaurado de um backup: quem opera precisa liberar a campanha.",
        ),
    ),
    idempotent=True,
)
@require("operator")
def resume(user: User, reference: str) -> ResponseReturnValue:
    """Back into the queue."""
    return campaign_actions.move(runtime(), user, reference, "resume")


@bp.post("/<reference>/cancel")
@describes(
    "Cancela a campanha",
    CAMPAIGNS,
    description="O que está saindo neste instante termina por si.",
    answers={200: CampaignShown},
    faults=(CAMPAIGN_NOT_FOUND, _ENDED),
    idempotent=True,
)
@require("operator")
def cancel(user: User, reference: str) -> ResponseReturnValue:
    """End it; what is being sent this moment ends by itself."""
    return campaign_actions.move(runtime(), user, reference, "cancel")


@bp.get("/<reference>/export")
@describes(
    "Exporta o relatório completo",
    CAMPAIGNS,
    description="Em fluxo, para qualquer tamanho. No máximo 5 por hora e usuário.",
    query=ExportQuery,
    answers={
        200: (
            ReportShown,
            File(CSV, "RFC 4180, com BOM.", "position,nome,telefone\r\n0,João,5511999999999\r\n"),
            File(XLSX, "Uma planilha; textos nunca viram fórmulas.", "PK…"),
        )
    },
    faults=(
        CAMPAIGN_NOT_FOUND,
        Fault(429, "exports_limited", "No máximo 5 exportações por hora."),
        Fault(503, "exports_busy", "Há exportações demais em andamento."),
    ),
    answer_headers=("Content-Disposition",),
)
@require("operator")
def export(user: User, reference: str) -> ResponseReturnValue:
    """The whole report, streamed; `?format=json|csv`."""
    wanted = query.read(ExportQuery).format
    parts = runtime()
    _limit_exports(parts, user)
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        campaign = campaigns.get_campaign(conn, user.tenant_id, reference)
        head: ReportHead = {
            "campaign": _campaign_head(conn, user.tenant_id, campaign),
            "performance": _performance(conn, user.tenant_id, campaign),
            "generated_at": datetime.now(UTC),
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
    parts: Runtime, user: User, campaign: Campaign, head: ReportHead, wanted: str
) -> Response:
    if not parts.exports.acquire(blocking=False):
        raise TemporarilyUnavailable(
            "Há exportações demais em andamento.", code="exports_busy", retry_after_seconds=10
        )
    try:
        if wanted == "csv":
            body, content_type = exports.stream_csv(parts, user.tenant_id, campaign), CSV
        elif wanted == "xlsx":
            body, content_type = exports.write_xlsx(parts, user.tenant_id, campaign), XLSX
        else:
            body = exports.stream_json(parts, user.tenant_id, campaign, head)
            content_type = "application/json"
    except BaseException:
        parts.exports.release()
        raise
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


def _campaign_head(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> CampaignReportHead:
    detail = detail_of(conn, tenant_id, campaign)
    return {**detail, "metrics": metrics_of(conn, tenant_id, campaign)}


def _performance(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> CampaignPerformance:
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
