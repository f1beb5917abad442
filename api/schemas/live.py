"""The shape of a close look at one campaign."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.campaign_answers import CampaignDetail, CampaignMetrics
from api.schemas.instances import BreakerAnswer, breaker_answer
from api.schemas.words import Instant, MaybeInstant, Number, Success
from shared.db.campaigns import Campaign
from shared.db.live import CurvePoint, LiveLane, Stages

LaneWait = Literal["instance_offline", "instance_paused", "breaker_open", "other_campaign", "pace"]


class StagesAnswer(TypedDict):
    """The steps that `metrics` does not count."""

    queued: Annotated[int, Field(ge=0, description="Esperam a sua vez.", examples=[40])]
    leased: Annotated[int, Field(ge=0, description="Já com um trabalhador.", examples=[3])]
    sending: Annotated[int, Field(ge=0, description="Em envio neste instante.", examples=[1])]
    acked: Annotated[
        int, Field(ge=0, description="Aceitas pelo servidor do WhatsApp.", examples=[48])
    ]
    next_due_at: Annotated[
        MaybeInstant, Field(description="Quando a próxima da fila pode sair, no mínimo.")
    ]


class LaneAnswer(TypedDict):
    """One number, as far as this campaign is concerned."""

    name: Annotated[str, Field(examples=["vendas"])]
    state: Annotated[str, Field(description="`open`: conectado.", examples=["open"])]
    breaker: BreakerAnswer
    last_ack_at: MaybeInstant
    in_flight: Number
    leased: Number
    sent: Number
    sent_last_minute: Number
    next_send_at: MaybeInstant
    waiting_for: Annotated[
        LaneWait | None,
        Field(
            description=(
                "`instance_offline`, `instance_paused`, `breaker_open`, `other_campaign` "
                "(atende outra campanha), "
                "`pace` (o intervalo entre mensagens); nulo: não espera."
            )
        ),
    ]


class CurvePointAnswer(TypedDict):
    """Sends from `at` on, for `bucket_seconds`."""

    at: Instant
    sent: Annotated[int, Field(ge=1, examples=[12])]


class CurveAnswer(TypedDict):
    """Sends over time; stretches without a send are left out."""

    bucket_seconds: Annotated[int, Field(ge=1, examples=[60])]
    points: list[CurvePointAnswer]


class LiveAnswer(TypedDict):
    """All a page that watches one campaign begins with."""

    campaign: CampaignDetail
    metrics: CampaignMetrics
    stages: StagesAnswer
    lanes: list[LaneAnswer]
    curve: CurveAnswer
    read_at: Instant


class LiveShown(TypedDict):
    """A close look at one campaign."""

    success: Success
    live: LiveAnswer


_MOVING: Final = frozenset({"pending", "running"})


def stages_answer(stages: Stages) -> StagesAnswer:
    """Counts of one pass over the campaign."""
    return {
        "queued": stages.queued,
        "leased": stages.leased,
        "sending": stages.sending,
        "acked": stages.acked,
        "next_due_at": stages.next_due_at,
    }


def lane_answer(lane: LiveLane, campaign: Campaign) -> LaneAnswer:
    """A number and what it waits for."""
    return {
        "name": lane.name,
        "state": lane.state,
        "breaker": breaker_answer(lane),
        "last_ack_at": lane.last_ack_at,
        "in_flight": lane.in_flight,
        "leased": lane.leased,
        "sent": lane.sent,
        "sent_last_minute": lane.last_minute,
        "next_send_at": lane.next_send_at,
        "waiting_for": _wait_of(lane, campaign),
    }


def curve_answer(points: list[CurvePoint], bucket_seconds: int) -> CurveAnswer:
    """Points as they were counted."""
    return {
        "bucket_seconds": bucket_seconds,
        "points": [{"at": point.at, "sent": point.sent} for point in points],
    }


def _wait_of(lane: LiveLane, campaign: Campaign) -> LaneWait | None:
    """Of a campaign that may move; one that is paused or over says why itself."""
    if campaign.status not in _MOVING:
        return None
    rest = _rest_of(lane, campaign.read_at)
    if rest is not None or lane.in_flight:
        return rest
    if lane.in_a_batch and not lane.leased:
        return "other_campaign"
    return "pace" if campaign.status == "running" else None


def _rest_of(lane: LiveLane, now: datetime) -> LaneWait | None:
    """Why nothing at all leaves by this number."""
    if lane.state != "open":
        return "instance_offline"
    if lane.paused_at is not None:
        return "instance_paused"
    resting = lane.breaker_state == "open" and lane.open_until and lane.open_until > now
    return "breaker_open" if resting else None
