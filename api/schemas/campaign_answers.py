"""The shapes of campaign answers: what `/openapi.json` shows and mypy holds the code to."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.callbacks import CallbackAccess, ReportAnswer
from api.schemas.instances import BreakerAnswer
from api.schemas.words import (
    CampaignCode,
    CampaignName,
    CampaignNumber,
    CampaignStatus,
    Executor,
    Instant,
    MaybeInstant,
    MaybeText,
    MessageStatus,
    NextCursor,
    Number,
    Percent,
    RateLimitRemaining,
    Reference,
    Seconds,
    Success,
    WaitingReason,
)
from shared.domain.doubts import MOST_HOURS, DoubtPolicy
from shared.domain.health_score import Deduction, Rating

SkipReason = Annotated[
    str,
    Field(
        description="Por que este contato não recebe a mensagem.",
        json_schema_extra={
            "enum": ["empty_name", "invalid_phone", "duplicate", "suppressed", "already_sent"]
        },
        examples=["invalid_phone"],
    ),
]


ContactWarnings = Annotated[
    dict[str, int],
    Field(
        description=(
            "Aceitos com ressalva: `landline`, `not_mobile`, `cell_cut`, `column_dropped`, "
            "`value_ignored`."
        ),
        examples=[{"landline": 2}],
    ),
]


class ContactProblem(TypedDict):
    """One contact that gets no message."""

    index: Annotated[int, Field(ge=0, description="Posição na lista enviada, a partir de 0.")]
    field: Annotated[str, Field(examples=["contacts[3].telefone"])]
    reason: SkipReason
    message: Annotated[str, Field(examples=["número incompleto"])]


class ContactReport(TypedDict):
    """What becomes of the submitted list."""

    valid: Annotated[int, Field(ge=0, description="Contatos que vão receber.", examples=[44])]
    skipped: Annotated[int, Field(ge=0, description="Contatos pulados.", examples=[1])]
    reasons: Annotated[
        dict[str, int], Field(description="Pulados por motivo.", examples=[{"invalid_phone": 1}])
    ]
    first_problems: Annotated[
        list[ContactProblem], Field(description="Os primeiros 100 pulados.", max_length=100)
    ]
    warnings: ContactWarnings


class NewCampaignAnswer(TypedDict):
    """A campaign just created."""

    id: CampaignNumber
    campaign_id: CampaignCode
    name: CampaignName
    status: CampaignStatus
    total_contacts: Annotated[int, Field(ge=1, description="Todos os enviados.", examples=[45])]
    waiting_reason: WaitingReason
    executor: Executor
    reference: Reference
    scheduled_at: MaybeInstant
    created_at: Instant
    instances: Annotated[
        list[str], Field(description="Números que podem enviar.", examples=[["vendas"]])
    ]
    queue_position: Annotated[
        int | None,
        Field(description="Lugar na fila das campanhas do usuário; nulo: não há fila."),
    ]


class RecommendedDelay(TypedDict):
    """Seconds between two messages that keep a number safe, as `config` takes them."""

    delayMin: Annotated[float, Field(examples=[30])]
    delayMax: Annotated[float, Field(examples=[60])]


class CampaignCreated(TypedDict):
    """The answer of a create."""

    success: Success
    campaign: NewCampaignAnswer
    validation: ContactReport
    recommendedDelay: RecommendedDelay
    callback: NotRequired[CallbackAccess]
    rateLimitRemaining: RateLimitRemaining


class CampaignCounts(TypedDict):
    """Counters: total = sent + error + in_doubt + skipped + cancelled + open ones."""

    total_contacts: Annotated[int, Field(ge=0, examples=[100])]
    processed_count: Annotated[
        int, Field(ge=0, description="Todos os que não estão mais em aberto.", examples=[52])
    ]
    sent_count: Annotated[int, Field(ge=0, examples=[50])]
    error_count: Annotated[int, Field(ge=0, examples=[2])]
    skipped_count: Number
    in_doubt_count: Annotated[
        int,
        Field(ge=0, description="Podem ter sido enviadas; não contam como envio nem como erro."),
    ]
    cancelled_count: Number
    delivered_count: Annotated[int, Field(ge=0, examples=[47])]
    read_count: Annotated[int, Field(ge=0, examples=[30])]
    replied_count: Annotated[int, Field(ge=0, examples=[4])]
    progress_percentage: Annotated[
        float,
        Field(ge=0, le=100, description="processed / total, em por cento.", examples=[52.0]),
    ]
    success_rate: Annotated[
        float, Field(ge=0, le=100, description="sent / (sent + error).", examples=[96.15])
    ]


class CampaignAnswer(CampaignCounts):
    """A campaign in a list."""

    messages_per_minute: Annotated[
        float, Field(ge=0, description="Do último minuto; terminada, a média.", examples=[2.5])
    ]
    estimated_seconds_remaining: Annotated[
        int | None, Field(description="Nulo: não dá para saber agora.", examples=[1200])
    ]
    health_score: Annotated[int, Field(ge=0, le=100, examples=[95])]

    id: CampaignNumber
    campaign_id: CampaignCode
    name: CampaignName
    status: CampaignStatus
    waiting_reason: WaitingReason
    completed_with_doubts: bool
    priority: Annotated[int, Field(description="Maior começa antes.")]
    executor: Executor
    reference: Reference
    created_at: Instant
    scheduled_at: MaybeInstant
    started_at: MaybeInstant
    finished_at: MaybeInstant


class CampaignShown(TypedDict):
    """The answer of a move: the campaign after it."""

    success: Success
    campaign: CampaignAnswer


class CampaignRetried(CampaignShown):
    """The campaign after its failures went back into the queue."""

    retried: Annotated[int, Field(ge=1, description="Quantas voltaram à fila.", examples=[12])]


class CampaignPage(TypedDict):
    """A page of campaigns, newest first."""

    success: Success
    campaigns: list[CampaignAnswer]
    next_cursor: NextCursor


class ConfigAnswer(TypedDict):
    """The campaign's `config`, defaults filled in."""

    imageUrl: MaybeText
    systemPrompt: Annotated[str, Field(examples=["Olá {{nome}}!"])]
    delayMin: Annotated[float, Field(description="Segundos.", examples=[140])]
    delayMax: Annotated[float, Field(description="Segundos.", examples=[380])]
    model: MaybeText
    doubtPolicy: DoubtPolicy
    doubtAfterHours: Annotated[int, Field(ge=1, le=MOST_HOURS, examples=[24])]


class CampaignInstance(TypedDict):
    """A number the campaign may be sent from."""

    name: Annotated[str, Field(examples=["vendas"])]
    state: Annotated[str, Field(description="`open`: conectado.", examples=["open"])]
    breaker: BreakerAnswer


class TopError(TypedDict):
    """How often one error ended a message."""

    error_message: Annotated[str, Field(examples=["O número não está no WhatsApp"])]
    code: Annotated[str, Field(examples=["not_on_whatsapp"])]
    count: Annotated[int, Field(ge=1, examples=[5])]
    percentage: Annotated[float, Field(description="Dos erros, em por cento.", examples=[50.0])]


class TextAnswer(TypedDict):
    """Texts of a campaign with a model."""

    model: Annotated[str, Field(examples=["gpt-4o-mini"])]
    written: Annotated[int, Field(ge=0, description="Escritos pelo modelo.")]
    fallbacks: Annotated[
        dict[str, int],
        Field(description="Em que vai o texto de `systemPrompt`, por motivo."),
    ]
    waiting: Annotated[int, Field(ge=0, description="Ainda sem texto.")]
    tokens: Annotated[int, Field(ge=0, description="Tokens gastos.")]


class CampaignDetail(CampaignAnswer):
    """A campaign on its own."""

    user_id: int
    config: ConfigAnswer
    text: Annotated[TextAnswer | None, Field(description="Nulo: a campanha não usa um modelo.")]
    instances: list[CampaignInstance]
    skipped_reasons: Annotated[dict[str, int], Field(examples=[{"duplicate": 3}])]
    top_errors: Annotated[list[TopError], Field(max_length=10)]
    last_seq: Annotated[int, Field(ge=0, description="Número do último evento ao vivo.")]


class CampaignDetailShown(TypedDict):
    """One campaign."""

    success: Success
    campaign: CampaignDetail


class HealthInputs(TypedDict):
    """What the health score was made of."""

    rating: Rating
    success_rate: Percent
    error_rate: Percent
    messages_per_minute: Annotated[
        float | None, Field(description="Nulo: a velocidade não é julgada agora.")
    ]
    completed: bool
    processed_count: Number
    deductions: Annotated[
        dict[Deduction, int],
        Field(
            description="Quantos pontos cada medida tirou dos 100; o que não tirou nada não está.",
            examples=[{"error_rate": 30, "success_rate": 10}],
        ),
    ]


class CampaignMetrics(CampaignCounts):
    """The spec's metrics."""

    campaign_id: CampaignCode
    id: CampaignNumber
    name: CampaignName
    status: CampaignStatus
    waiting_reason: WaitingReason
    completed_with_doubts: bool
    error_rate: Annotated[
        float, Field(ge=0, le=100, description="error / (sent + error).", examples=[3.85])
    ]
    messages_per_minute: Annotated[float, Field(ge=0, examples=[2.5])]
    estimated_seconds_remaining: Annotated[
        int | None, Field(description="Nulo: não dá para saber agora.", examples=[1200])
    ]
    duration_seconds: Seconds
    health_score: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="90–100 excelente, 70–89 bom, 50–69 moderado, abaixo ruim.",
            examples=[95],
        ),
    ]
    health: HealthInputs
    last_seq: Number
    reported: NotRequired[ReportAnswer | None]


class MetricsShown(TypedDict):
    """Metrics of one campaign."""

    success: Success
    metrics: CampaignMetrics


class HourLineAnswer(TypedDict):
    """One hour of the day, tenant time."""

    hour: Annotated[int, Field(ge=0, le=23, examples=[14])]
    total: Annotated[int, Field(examples=[50])]
    sent: Annotated[int, Field(examples=[48])]
    errors: Annotated[int, Field(examples=[2])]
    success_rate: Percent


class TimingStats(TypedDict):
    """Duration of the provider call."""

    avg_send_time_seconds: Seconds
    min_send_time_seconds: Annotated[float | None, Field(examples=[0.5])]
    max_send_time_seconds: Annotated[float | None, Field(examples=[3.0])]
    p50_send_time_seconds: Annotated[float | None, Field(examples=[1.1])]
    p95_send_time_seconds: Annotated[float | None, Field(examples=[2.4])]
    timed_sends: Annotated[int, Field(ge=0, description="Envios com duração conhecida.")]


class CampaignPerformance(TypedDict):
    """Hours, errors and durations."""

    hourly_analysis: list[HourLineAnswer]
    top_errors: Annotated[list[TopError], Field(max_length=10)]
    timing_stats: TimingStats


class PerformanceShown(TypedDict):
    """Performance of one campaign."""

    success: Success
    performance: CampaignPerformance


class DashboardSummary(TypedDict):
    """Totals over all campaigns."""

    total_campaigns: Annotated[int, Field(examples=[10])]
    completed_campaigns: Annotated[int, Field(examples=[8])]
    running_campaigns: Annotated[int, Field(examples=[1])]
    avg_success_rate: Annotated[float, Field(description="Em por cento.", examples=[95.5])]
    total_sent: Annotated[int, Field(examples=[980])]
    total_errors: Annotated[int, Field(examples=[20])]
    total_in_doubt: Number


class DayLineAnswer(TypedDict):
    """One day, tenant time."""

    date: Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-01-14"])]
    total: Annotated[int, Field(examples=[50])]
    sent: Annotated[int, Field(examples=[48])]
    errors: Annotated[int, Field(examples=[2])]
    success_rate: Percent


class Dashboard(TypedDict):
    """What the first page shows."""

    summary: DashboardSummary
    recent_campaigns: Annotated[list[CampaignAnswer], Field(max_length=10)]
    daily_performance: Annotated[list[DayLineAnswer], Field(description="Os últimos 30 dias.")]


class DashboardShown(TypedDict):
    """The dashboard."""

    success: Success
    dashboard: Dashboard


class MessageAnswer(TypedDict):
    """One message of a campaign."""

    position: Annotated[int, Field(ge=0, description="Lugar na lista enviada.")]
    nome: Annotated[str, Field(examples=["João"])]
    telefone: Annotated[
        str, Field(description="Mascarado para quem só visualiza.", examples=["5511999999999"])
    ]
    status: MessageStatus
    reason: Annotated[str | None, Field(description="Código do motivo.", examples=[None])]
    reason_text: Annotated[str | None, Field(description="O motivo em palavras.", examples=[None])]
    detail: MaybeText
    attempts: Annotated[int, Field(ge=0, examples=[1])]
    instance: Annotated[str | None, Field(examples=["vendas"])]
    message_text: Annotated[str | None, Field(examples=["Olá João!"])]
    sent_at: MaybeInstant
    delivered_at: MaybeInstant
    read_at: MaybeInstant
    replied_at: MaybeInstant
    provider_id: Annotated[str | None, Field(examples=["3EB0C767D097E9ECFE8B"])]
    duplicate_suspected: bool


class MessagePage(TypedDict):
    """A page of messages, in list order."""

    success: Success
    messages: list[MessageAnswer]
    next_cursor: NextCursor


class CampaignReportHead(CampaignDetail):
    """The campaign at the top of a report, with its metrics."""

    metrics: CampaignMetrics


class ReportHead(TypedDict):
    """A report without its messages, which are streamed."""

    campaign: CampaignReportHead
    performance: CampaignPerformance
    generated_at: Instant


class Report(ReportHead):
    """The whole report."""

    messages: list[MessageAnswer]


class ReportShown(TypedDict):
    """The export as JSON."""

    success: Success
    report: Report
