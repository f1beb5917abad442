"""Bodies and answers of campaigns. Wire names (nome, telefone, imageUrl, …) stop here."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, Field, ValidationInfo, field_validator
from typing_extensions import TypedDict

from api.schemas.base import Body, Line
from api.schemas.urls import check_public_url
from shared.db.campaigns import Campaign, ReasonCount
from shared.db.instances import NamedInstance
from shared.db.message_pages import MessageLine
from shared.db.texts import TextProgress
from shared.domain.contacts import MAX_CONTACTS, Validation
from shared.domain.health_score import Health, health_score, judged_speed, rates
from shared.domain.phone import mask_phone
from shared.domain.reasons import words
from shared.domain.template import MAX_TEXT

MAX_DELAY: Final = 3600
_FARTHEST: Final = timedelta(days=366)
_LIVE: Final = frozenset({"scheduled", "pending", "running", "paused"})
_ENDED: Final = frozenset({"completed", "cancelled", "failed"})


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    raise ValueError("precisa ser um texto ou um número")


#: A contact has `nome` and `telefone`; every column is text, number or null.
Contact = dict[str, Annotated[Any, AfterValidator(_cell)]]


class TextAnswer(TypedDict):
    """Texts of a campaign with a model; `fallbacks` counts templates by reason."""

    model: str
    written: int
    fallbacks: dict[str, int]
    waiting: int
    tokens: int


class ConfigBody(Body):
    """`config`: everything may be left out."""

    image_url: str | None = Field(default=None, alias="imageUrl")
    system_prompt: str | None = Field(
        default=None, alias="systemPrompt", min_length=1, max_length=MAX_TEXT
    )
    delay_min: float | None = Field(
        default=None, alias="delayMin", ge=0, le=MAX_DELAY, allow_inf_nan=False
    )
    delay_max: float | None = Field(
        default=None, alias="delayMax", ge=0, le=MAX_DELAY, allow_inf_nan=False
    )
    model: str | None = Field(default=None, max_length=100)
    instance: Line | None = Field(default=None, min_length=1, max_length=100)
    instances: list[Annotated[Line, Field(min_length=1, max_length=100)]] | None = Field(
        default=None, min_length=1, max_length=50
    )

    @field_validator("image_url", mode="after")
    @classmethod
    def _public(cls, value: str | None) -> str | None:
        return check_public_url(value) if value else None

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
    def instance_names(self) -> list[str]:
        """Named instances, each once; empty: the tenant's default."""
        named = [self.instance] if self.instance else self.instances or []
        return list(dict.fromkeys(named))


class CampaignBody(Body):
    """`POST /api/campaigns`; contacts stay as written, `shared.domain.contacts` judges them."""

    name: Line = Field(min_length=1, max_length=255)
    contacts: list[Contact] = Field(min_length=1, max_length=MAX_CONTACTS)
    config: ConfigBody = ConfigBody()
    priority: int = Field(default=0, ge=-100, le=100)
    schedule_at: Annotated[AwareDatetime, Field(strict=False)] | None = Field(
        default=None, alias="scheduleAt"
    )

    @field_validator("schedule_at", mode="after")
    @classmethod
    def _within_a_year(cls, value: datetime | None) -> datetime | None:
        now = datetime.now(UTC)
        if value is not None and not (now.year - 1 <= value.year and value - now <= _FARTHEST):
            raise ValueError("precisa ser uma data até daqui a um ano")
        return value


def validation_answer(validation: Validation) -> dict[str, Any]:
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


def campaign_answer(campaign: Campaign) -> dict[str, Any]:
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
        "created_at": campaign.created_at,
        "scheduled_at": campaign.scheduled_at,
        "started_at": campaign.started_at,
        "finished_at": campaign.finished_at,
    }


def campaign_detail(
    campaign: Campaign,
    reasons: list[ReasonCount],
    instances: list[NamedInstance],
    text: TextProgress | None = None,
) -> dict[str, Any]:
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
        },
        "text": text_answer(text, reasons) if text else None,
        "instances": [{"name": item.name, "state": item.state} for item in instances],
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


def top_errors(reasons: list[ReasonCount]) -> list[dict[str, Any]]:
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


def metrics_answer(campaign: Campaign) -> dict[str, Any]:
    """The spec's metrics; rates in percent, speed in messages a minute, from counters only."""
    success, errors = rates(campaign.sent, campaign.failed)
    speed = _speed(campaign)
    judged = judged_speed(
        speed, running_seconds=_running_seconds(campaign), gap_seconds=campaign.gap_seconds
    )
    completed = campaign.status == "completed"
    return {
        "campaign_id": campaign.public_id,
        "id": campaign.campaign_id,
        "name": campaign.name,
        "status": campaign.status,
        "waiting_reason": _waiting(campaign),
        "completed_with_doubts": completed and campaign.in_doubt > 0,
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
        "messages_per_minute": speed,
        "estimated_seconds_remaining": _remaining(campaign),
        "duration_seconds": _duration(campaign),
        "health_score": health_score(
            Health(success, errors, judged, completed, campaign.processed)
        ),
        "last_seq": campaign.seq,
    }


def message_answer(line: MessageLine, *, masked: bool) -> dict[str, Any]:
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


def timing_answer(campaign: Campaign) -> dict[str, Any]:
    """Duration of the provider call, in seconds."""
    average = campaign.seconds_sum / campaign.sent if campaign.sent else None
    return {
        "avg_send_time_seconds": _rounded(average),
        "min_send_time_seconds": _rounded(campaign.seconds_min),
        "max_send_time_seconds": _rounded(campaign.seconds_max),
    }


def _progress(campaign: Campaign) -> float:
    share = 100 * campaign.processed / campaign.total
    return round(share, 2) if share < 100 else 100


def _waiting(campaign: Campaign) -> str | None:
    if campaign.status in ("paused", "scheduled"):
        return campaign.status
    return campaign.waiting_reason if campaign.status in _LIVE else None


def _speed(campaign: Campaign) -> float:
    """Of the last minute while it runs; once ended, its average."""
    if campaign.status not in _ENDED:
        return round(campaign.recent_per_second * 60, 2)
    seconds = _duration(campaign)
    return round(campaign.sent * 60 / max(seconds, 1.0), 2) if seconds is not None else 0.0


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
