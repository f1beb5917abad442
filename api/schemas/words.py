"""Kinds of values that several answers have, described once for `/openapi.json`."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from shared.db.message_pages import MESSAGE_STATUSES

STATUSES: Final = (
    "scheduled",
    "pending",
    "running",
    "paused",
    "completed",
    "cancelled",
    "failed",
)

Success = Literal[True]
Instant = Annotated[
    datetime, Field(description="ISO 8601 em UTC.", examples=["2026-01-14T12:00:00.000Z"])
]
MaybeInstant = Annotated[
    datetime | None,
    Field(description="ISO 8601 em UTC; nulo: ainda não.", examples=["2026-01-14T12:00:00.000Z"]),
]
Number = Annotated[int, Field(ge=0)]
CampaignNumber = Annotated[int, Field(description="Número da campanha.", examples=[1])]
CampaignCode = Annotated[
    str,
    Field(
        description="Código público, impossível de adivinhar.",
        examples=["CAMP-7K2Q9M4XWD8RTB5VNC3HJF6PZE"],
    ),
]
CampaignName = Annotated[str, Field(examples=["Campanha Teste"])]
CampaignStatus = Annotated[
    str,
    Field(
        description="`failed`: terminou com erros e nada enviado.",
        json_schema_extra={"enum": list(STATUSES)},
        examples=["pending"],
    ),
]
MessageStatus = Annotated[
    str,
    Field(
        description="`in_doubt`: pode ter sido enviada e nada o prova ainda.",
        json_schema_extra={"enum": list(MESSAGE_STATUSES)},
        examples=["sent"],
    ),
]
WaitingReason = Annotated[
    str | None,
    Field(
        description=(
            "Por que espera: `no_instance`, `instance_offline`, `instance_paused`, "
            "`breaker_open`, `user_campaign_limit`, `scheduled`, `paused`, `many_doubts`, "
            "`restored`, …; "
            "nulo: não espera."
        ),
        examples=[None],
    ),
]
Executor = Annotated[
    Literal["engine", "external"], Field(description="`external`: um fluxo antigo envia.")
]
Reference = Annotated[
    str | None, Field(description="O id que quem criou deu à campanha.", examples=[None])
]
Percent = Annotated[float, Field(ge=0, le=100, description="Em por cento.", examples=[96.0])]
Seconds = Annotated[
    float | None, Field(description="Segundos; nulo: ainda não há o que medir.", examples=[1.2])
]
MaybeText = Annotated[str | None, Field(examples=[None])]
NextCursor = Annotated[
    str | None,
    Field(description="Vai em `cursor` para a página seguinte; nulo: é a última.", examples=[None]),
]
RateLimitRemaining = Annotated[
    int, Field(ge=0, description="Pedidos que ainda cabem neste minuto.", examples=[58])
]


class Done(TypedDict):
    """Nothing more to say."""

    success: Success
