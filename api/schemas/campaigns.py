"""Bodies and answers of campaigns. Wire names (nome, telefone, imageUrl, …) stop here."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from api.schemas.base import Body, Cursor, Line, OneOf, Query, Search, UpTo
from api.schemas.campaign_answers import (
    CampaignAnswer,
    CampaignDetail,
    CampaignMetrics,
    ContactReport,
    MessageAnswer,
    TextAnswer,
    TimingStats,
    TopError,
)
from api.schemas.instances import breaker_answer
from api.schemas.urls import MAX_URL, check_public_url
from api.schemas.words import STATUSES
from shared.db.campaign_creation import Executor
from shared.db.campaigns import Campaign, ReasonCount, UsedInstance
from shared.db.message_pages import MESSAGE_STAGES, MESSAGE_STATUSES, MessageLine
from shared.db.texts import TextProgress
from shared.domain.contacts import MAX_CONTACTS, Validation
from shared.domain.doubts import MOST_HOURS, DoubtPolicy
from shared.domain.health_score import (
    Health,
    deductions,
    health_score,
    judged_speed,
    rates,
    rating,
    shares,
)
from shared.domain.phone import mask_phone
from shared.domain.reasons import words
from shared.domain.template import MAX_TEXT
from shared.domain.timing import percentile

MAX_DELAY: Final = 3600
_FARTHEST: Final = timedelta(days=366)
_LIVE: Final = frozenset({"scheduled", "pending", "running", "paused"})
_ENDED: Final = frozenset({"completed", "cancelled", "failed"})


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    raise ValueError("precisa ser um texto ou um número")


#: A contact has `nome` and `telefone`; every column is text, number or null.
Contact = Annotated[
    dict[str, Annotated[Any, AfterValidator(_cell)]],
    WithJsonSchema(
        {
            "type": "object",
            "description": (
                "`nome` e `telefone`; as outras colunas viram variáveis do texto. Um contato sem "
                "nome ou com telefone inválido é pulado, com o motivo na resposta."
            ),
            "properties": {
                "nome": {"type": ["string", "number", "null"], "description": "Quem recebe."},
                "telefone": {
                    "type": ["string", "number", "null"],
                    "description": "Brasileiro, com ou sem 55; de outro país, com `+`.",
                },
            },
            "additionalProperties": {"type": ["string", "number", "null"]},
        }
    ),
]


def _within_a_year(value: datetime) -> datetime:
    now = datetime.now(UTC)
    if not (now.year - 1 <= value.year and value - now <= _FARTHEST):
        raise ValueError("precisa ser uma data até daqui a um ano")
    return value


#: Higher starts first.
Priority = Annotated[int, Field(ge=-100, le=100, description="Maior começa antes.")]
#: When a campaign may start: ISO 8601 with an offset, up to a year ahead; the past means now.
ScheduleAt = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_within_a_year)]


class PaceBody(Body):
    """How fast, and from which numbers: what may also change while a campaign runs."""

    delay_min: float | None = Field(
        default=None,
        alias="delayMin",
        ge=0,
        le=MAX_DELAY,
        allow_inf_nan=False,
        description="Segundos entre duas mensagens, no mínimo.",
    )
    delay_max: float | None = Field(
        default=None,
        alias="delayMax",
        ge=0,
        le=MAX_DELAY,
        allow_inf_nan=False,
        description="Segundos entre duas mensagens, no máximo; não menor que delayMin.",
    )
    instance: Line | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="O número que envia; sem ele, o primeiro conectado.",
    )
    instances: list[Annotated[Line, Field(min_length=1, max_length=100)]] | None = Field(
        default=None, min_length=1, max_length=50, description="Vários números que enviam."
    )

    doubt_policy: DoubtPolicy | None = Field(
        default=None,
        alias="doubtPolicy",
        description=(
            "O que fazer de uma mensagem que pode ter sido enviada: `hold` espera uma pessoa (o "
            "padrão), `give_up` desiste depois de `doubtAfterHours`, `resend_once` envia de novo, "
            "uma vez, se a consulta ao Evolution funciona e nada mostrou até lá."
        ),
    )
    doubt_after_hours: int | None = Field(
        default=None,
        alias="doubtAfterHours",
        ge=1,
        le=MOST_HOURS,
        description="Horas desde a tentativa; 24 se não for dado.",
    )

    @field_validator("delay_max", mode="after")
    @classmethod
    def _in_order(cls, value: float | None, info: ValidationInfo) -> float | None:
        low = info.data.get("delay_min")
        if value is not None and low is not None and value < low:
            raise ValueError("não pode ser menor que delayMin")
        return value

    @field_validator("instances", mode="after")
    @classmethod
    def _one_way(cls, value: list[str] | None, info: ValidationInfo) -> list[str] | None:
        if value and info.data.get("instance"):
            raise ValueError("use instance ou instances, não os dois")
        return value

    @property
    def names_doubts(self) -> bool:
        """Whether it says anything about doubts."""
        return (self.doubt_policy, self.doubt_after_hours) != (None, None)

    @property
    def instance_names(self) -> list[str]:
        """Named instances, each once; empty: the tenant's default."""
        named = [self.instance] if self.instance else self.instances or []
        return list(dict.fromkeys(named))


class ConfigBody(PaceBody):
    """`config`: everything may be left out."""

    image_url: str | None = Field(
        default=None,
        alias="imageUrl",
        max_length=MAX_URL,
        description="http(s) público; o texto vira a legenda.",
    )
    system_prompt: str | None = Field(
        default=None,
        alias="systemPrompt",
        min_length=1,
        max_length=MAX_TEXT,
        description="O texto; `{{nome}}` e qualquer coluna são preenchidos. Sem ele, o do cliente.",
    )
    model: str | None = Field(
        default=None,
        max_length=100,
        description=(
            "Escreve um texto por contato a partir de `systemPrompt`; se falhar ou for recusado, "
            "vai o texto de `systemPrompt`."
        ),
    )

    @field_validator("image_url", mode="after")
    @classmethod
    def _public(cls, value: str | None) -> str | None:
        return check_public_url(value) if value else None


#: Of the spec, except that an address has to be whole.
SPEC_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Campanha Teste",
    "contacts": [{"nome": "João", "telefone": "11999999999"}],
    "config": {
        "imageUrl": "https://example.com/imagem.png",
        "systemPrompt": "Olá {{nome}}!",
        "delayMin": 140,
        "delayMax": 380,
    },
}


AlreadySent = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=40)]],
    Field(
        max_length=MAX_CONTACTS,
        description=(
            "Telefones que outro sistema já alcançou com esta campanha: quem estiver em `contacts` "
            "não recebe de novo e aparece como `skipped`, `already_sent`."
        ),
        examples=[["11999999999"]],
    ),
]


class CampaignBody(Body):
    """`POST /api/campaigns`; contacts stay as written, `shared.domain.contacts` judges them."""

    model_config = ConfigDict(json_schema_extra={"examples": [SPEC_EXAMPLE]})

    name: Line = Field(min_length=1, max_length=255, description="Nome da campanha.")
    contacts: list[Contact] = Field(
        min_length=1, max_length=MAX_CONTACTS, description="De 1 a 10.000 contatos."
    )
    already_sent: AlreadySent = Field(default=[], alias="alreadySent")
    config: ConfigBody = ConfigBody()
    priority: Priority = 0
    schedule_at: ScheduleAt | None = Field(
        default=None,
        alias="scheduleAt",
        description="Quando começar, com fuso, até daqui a um ano; sem ela, logo.",
    )
    executor: Executor = Field(
        default="engine",
        description=(
            "`external`: um fluxo antigo envia e avisa por `update-status`, `progress` e "
            "`complete`, com o token de `callback`."
        ),
    )

    @field_validator("executor", mode="after")
    @classmethod
    def _external_has_no_numbers(cls, value: Executor, info: ValidationInfo) -> Executor:
        config = info.data.get("config")
        if value == "external" and config is not None:
            if config.instance_names:
                raise ValueError("uma campanha externa não usa instâncias do RapidFlow")
            if config.model:
                raise ValueError("os textos de uma campanha externa não são escritos por nós")
            if config.names_doubts:
                raise ValueError("as dúvidas de uma campanha externa são decididas por pessoas")
        return value


class CampaignQuery(Query):
    """`GET /api/campaigns?status=running,paused&search=…&limit=…&cursor=…`."""

    status: Annotated[list[str] | None, OneOf(*STATUSES)] = None
    search: Search = None
    limit: Annotated[int, UpTo(100)] = 50
    cursor: Cursor = None


class MessageQuery(Query):
    """`GET /api/campaigns/:id/messages?status=failed,in_doubt&limit=…&cursor=…`."""

    status: Annotated[list[str] | None, OneOf(*MESSAGE_STATUSES)] = None
    stage: Annotated[list[str] | None, OneOf(*MESSAGE_STAGES)] = None
    reason: Annotated[
        str | None,
        Field(max_length=64, pattern=r"^[a-z0-9_]+$", description="O código do motivo."),
    ] = None
    search: Search = None
    limit: Annotated[int, UpTo(1000)] = 100
    cursor: Cursor = None


class ExportQuery(Query):
    """`GET /api/campaigns/:id/export?format=…`."""

    format: Literal["json", "csv", "xlsx"] = Field(
        default="json", description="`csv` e `xlsx`: uma linha por contato."
    )


def validation_answer(validation: Validation) -> ContactReport:
    """`{valid, skipped, reasons, first_problems, warnings}`."""
    return {
        "valid": validation.valid,
        "skipped": validation.skipped,
        "reasons": validation.reasons,
        "first_problems": [
            {
                "index": problem.index,
                "field": f"contacts[{problem.index}].{problem.field}",
                "reason": problem.reason,
                "message": problem.message,
            }
            for problem in validation.first_problems
        ],
        "warnings": validation.warnings,
    }


def campaign_answer(campaign: Campaign) -> CampaignAnswer:
    """A campaign in a list; counters included."""
    success, _ = rates(campaign.sent, campaign.failed)
    return {
        "id": campaign.campaign_id,
        "campaign_id": campaign.public_id,
        "name": campaign.name,
        "status": campaign.status,
        "waiting_reason": _waiting(campaign),
        "completed_with_doubts": campaign.status == "completed" and campaign.in_doubt > 0,
        "priority": campaign.priority,
        "executor": campaign.executor,
        "reference": campaign.reference,
        "total_contacts": campaign.total,
        "processed_count": campaign.processed,
        "sent_count": campaign.sent,
        "error_count": campaign.failed,
        "skipped_count": campaign.skipped,
        "in_doubt_count": campaign.in_doubt,
        "cancelled_count": campaign.cancelled,
        "delivered_count": campaign.delivered,
        "read_count": campaign.read,
        "replied_count": campaign.replied,
        "progress_percentage": _progress(campaign),
        "success_rate": success,
        "messages_per_minute": round(_speed(campaign), 2),
        "estimated_seconds_remaining": _remaining(campaign),
        "health_score": health_score(_health(campaign)),
        "created_at": campaign.created_at,
        "scheduled_at": campaign.scheduled_at,
        "started_at": campaign.started_at,
        "finished_at": campaign.finished_at,
    }


def campaign_detail(
    campaign: Campaign,
    reasons: list[ReasonCount],
    instances: list[UsedInstance],
    text: TextProgress | None = None,
) -> CampaignDetail:
    """A campaign on its own: config, reasons and numbers it uses besides."""
    return {
        **campaign_answer(campaign),
        "user_id": campaign.user_id,
        "config": {
            "imageUrl": campaign.image_url,
            "systemPrompt": campaign.template,
            "delayMin": campaign.delay_min,
            "delayMax": campaign.delay_max,
            "model": text.model if text else None,
            "doubtPolicy": campaign.doubt_policy,
            "doubtAfterHours": campaign.doubt_after_hours,
        },
        "text": text_answer(text, reasons) if text else None,
        "instances": [
            {"name": item.name, "state": item.state, "breaker": breaker_answer(item)}
            for item in instances
        ],
        "skipped_reasons": {item.code: item.count for item in reasons if item.kind == "skipped"},
        "top_errors": top_errors(reasons),
        "last_seq": campaign.seq,
    }


def text_answer(text: TextProgress, reasons: list[ReasonCount]) -> TextAnswer:
    """What the model has written so far, and why templates went instead."""
    return {
        "model": text.model,
        "written": text.written,
        "fallbacks": {item.code: item.count for item in reasons if item.kind == "template"},
        "waiting": text.waiting,
        "tokens": text.tokens,
    }


def top_errors(reasons: list[ReasonCount]) -> list[TopError]:
    """The ten most frequent final errors with their share in percent."""
    failed = [item for item in reasons if item.kind == "failed"]
    total = sum(item.count for item in failed)
    return [
        {
            "error_message": words(item.code),
            "code": item.code,
            "count": item.count,
            "percentage": round(100 * item.count / total, 2),
        }
        for item in failed[:10]
    ]


def metrics_answer(campaign: Campaign) -> CampaignMetrics:
    """The spec's metrics; rates in percent, speed in messages a minute, from counters only."""
    success, errors = rates(campaign.sent, campaign.failed)
    health = _health(campaign)
    judged = health.messages_per_minute
    return {
        "campaign_id": campaign.public_id,
        "id": campaign.campaign_id,
        "name": campaign.name,
        "status": campaign.status,
        "waiting_reason": _waiting(campaign),
        "completed_with_doubts": health.completed and campaign.in_doubt > 0,
        "total_contacts": campaign.total,
        "processed_count": campaign.processed,
        "sent_count": campaign.sent,
        "error_count": campaign.failed,
        "in_doubt_count": campaign.in_doubt,
        "skipped_count": campaign.skipped,
        "cancelled_count": campaign.cancelled,
        "delivered_count": campaign.delivered,
        "read_count": campaign.read,
        "replied_count": campaign.replied,
        "progress_percentage": _progress(campaign),
        "success_rate": success,
        "error_rate": errors,
        "messages_per_minute": round(_speed(campaign), 2),
        "estimated_seconds_remaining": _remaining(campaign),
        "duration_seconds": _duration(campaign),
        "health_score": health_score(health),
        "health": {
            "rating": rating(health_score(health)),
            "success_rate": success,
            "error_rate": errors,
            "messages_per_minute": None if judged is None else round(judged, 2),
            "completed": health.completed,
            "processed_count": health.processed,
            "deductions": deductions(health),
        },
        "last_seq": campaign.seq,
    }


def message_answer(line: MessageLine, *, masked: bool) -> MessageAnswer:
    """One message; viewers see a masked phone."""
    return {
        "position": line.position,
        "nome": line.name,
        "telefone": mask_phone(line.phone) if masked else line.phone,
        "status": line.status,
        "reason": line.reason,
        "reason_text": words(line.reason) or None,
        "detail": line.detail,
        "attempts": line.attempts,
        "instance": line.instance,
        "message_text": line.body,
        "sent_at": line.sent_at,
        "delivered_at": line.delivered_at,
        "read_at": line.read_at,
        "replied_at": line.replied_at,
        "provider_id": line.provider_id,
        "duplicate_suspected": line.duplicate_suspected,
    }


def timing_answer(campaign: Campaign) -> TimingStats:
    """Duration of the provider call, in seconds."""
    timed = sum(campaign.timings)  # a send settled by evidence has no duration
    return {
        "avg_send_time_seconds": _rounded(campaign.seconds_sum / timed if timed else None),
        "min_send_time_seconds": _rounded(campaign.seconds_min),
        "max_send_time_seconds": _rounded(campaign.seconds_max),
        "p50_send_time_seconds": _rounded(_percentile(campaign, 0.5)),
        "p95_send_time_seconds": _rounded(_percentile(campaign, 0.95)),
        "timed_sends": timed,
    }


def _percentile(campaign: Campaign, share: float) -> float | None:
    return percentile(campaign.timings, share, low=campaign.seconds_min, high=campaign.seconds_max)


def _progress(campaign: Campaign) -> float:
    share = 100 * campaign.processed / campaign.total
    return round(share, 2) if share < 100 else 100


def _waiting(campaign: Campaign) -> str | None:
    if campaign.status == "paused" and campaign.waiting_reason in ("many_doubts", "restored"):
        return campaign.waiting_reason
    if campaign.status in ("paused", "scheduled"):
        return campaign.status
    return campaign.waiting_reason if campaign.status in _LIVE else None


def _health(campaign: Campaign) -> Health:
    """Thresholds are judged on what is counted, not on what is shown."""
    judged = judged_speed(
        _speed(campaign),
        running_seconds=_running_seconds(campaign),
        gap_seconds=campaign.gap_seconds,
    )
    exact = shares(campaign.sent, campaign.failed)
    return Health(*exact, judged, campaign.status == "completed", campaign.processed)


def _speed(campaign: Campaign) -> float:
    """Of the last minute while it runs; once ended, its average."""
    if campaign.status not in _ENDED:
        return campaign.recent_per_second * 60
    seconds = _duration(campaign)
    return campaign.sent * 60 / max(seconds, 1.0) if seconds is not None else 0.0


def _remaining(campaign: Campaign) -> int | None:
    if campaign.status in _ENDED:
        return 0
    return campaign.eta_seconds if campaign.status == "running" else None


def _running_seconds(campaign: Campaign) -> float | None:
    if campaign.status != "running" or campaign.started_at is None:
        return None
    return (campaign.read_at - campaign.started_at).total_seconds()


def _duration(campaign: Campaign) -> float | None:
    if campaign.started_at is None:
        return None
    end = campaign.finished_at or campaign.read_at
    return round((end - campaign.started_at).total_seconds(), 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
