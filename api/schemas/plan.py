"""What the plan allows, and what is used of it."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.words import Number, RateLimitRemaining, Success
from shared.db.tenants import Plan
from shared.db.usage import Usage


class PlanAnswer(TypedDict):
    """Limits of a tenant."""

    running_campaigns: Annotated[
        int, Field(ge=1, description="Ao mesmo tempo, por pessoa.", examples=[5])
    ]
    messages_per_second: Annotated[
        float, Field(description="Por campanha, em média.", examples=[2.0])
    ]
    burst_per_second: Annotated[
        int, Field(ge=1, description="Por campanha, num segundo qualquer.", examples=[10])
    ]
    requests_per_minute: Annotated[int, Field(ge=1, description="Por pessoa.", examples=[60])]
    in_flight_per_instance: Annotated[
        int, Field(ge=1, description="Envios abertos num número.", examples=[2])
    ]
    foreign_numbers: Annotated[bool, Field(description="Números de outros países.")]


class UsageAnswer(TypedDict):
    """Use so far; campaigns and requests are the asking person's."""

    running_campaigns: Number
    waiting_campaigns: Number
    requests_remaining: RateLimitRemaining
    instances: Number
    connected_instances: Number
    sent_today: Number
    errors_today: Number
    sent_30_days: Number
    errors_30_days: Number
    time_zone: Annotated[
        str, Field(description="Onde os dias começam.", examples=["America/Sao_Paulo"])
    ]


class PlanShown(TypedDict):
    """The plan and its use."""

    success: Success
    plan: PlanAnswer
    usage: UsageAnswer


def plan_answer(plan: Plan) -> PlanAnswer:
    """The limits."""
    return {
        "running_campaigns": plan.running_campaigns,
        "messages_per_second": plan.messages_per_second,
        "burst_per_second": plan.burst_per_second,
        "requests_per_minute": plan.requests_per_minute,
        "in_flight_per_instance": plan.in_flight_per_instance,
        "foreign_numbers": plan.foreign_numbers,
    }


def usage_answer(usage: Usage, requests_remaining: int) -> UsageAnswer:
    """The use."""
    return {
        "running_campaigns": usage.running_campaigns,
        "waiting_campaigns": usage.waiting_campaigns,
        "requests_remaining": requests_remaining,
        "instances": usage.instances,
        "connected_instances": usage.connected_instances,
        "sent_today": usage.sent_today,
        "errors_today": usage.failed_today,
        "sent_30_days": usage.sent_30_days,
        "errors_30_days": usage.failed_30_days,
        "time_zone": usage.time_zone,
    }
