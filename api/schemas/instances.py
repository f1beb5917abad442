"""Bodies and answers of instances."""

from datetime import datetime
from typing import Annotated, Protocol

from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from api.schemas.base import Body
from api.schemas.words import Instant, MaybeInstant, MaybeText, Number, Success
from shared.db.instances import Instance
from shared.domain.phone import mask_phone
from shared.domain.reasons import words
from shared.providers.evolution_admin import Qr

InstanceName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=100)
]


class InstanceBody(Body):
    """`{name, qrcode?, adopt?, token?}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "vendas", "qrcode": True}, {"name": "suporte", "adopt": True}]
        }
    )

    name: InstanceName
    qrcode: bool = Field(default=True, description="Responder com o QR code.")
    adopt: bool = Field(default=False, description="Assumir uma que já existe no Evolution.")
    token: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^[\x21-\x7e]+$",
        description="O token da própria instância, para assumi-la num servidor de vários clientes.",
    )


class HasBreaker(Protocol):
    """A row with an instance's breaker."""

    @property
    def breaker_state(self) -> str: ...
    @property
    def errors_in_a_row(self) -> int: ...
    @property
    def times_opened(self) -> int: ...
    @property
    def opened_at(self) -> datetime | None: ...
    @property
    def open_until(self) -> datetime | None: ...
    @property
    def rest_reason(self) -> str | None: ...


class BreakerAnswer(TypedDict):
    """Whether the instance rests after errors."""

    state: Annotated[str, Field(description="`closed`: envia.", examples=["closed"])]
    errors_in_a_row: Number
    times_opened: Annotated[int, Field(ge=0, description="Seguidas; o descanso dobra a cada uma.")]
    opened_at: MaybeInstant
    open_until: Annotated[
        datetime | None, Field(description="Depois disso uma mensagem testa a instância.")
    ]
    reason: MaybeText
    reason_text: Annotated[str | None, Field(description="O motivo em palavras.")]


class InstanceAnswer(TypedDict):
    """One WhatsApp number."""

    id: int
    public_id: Annotated[str, Field(examples=["1-Zk3vQ0"])]
    name: Annotated[str, Field(examples=["vendas"])]
    adopted: Annotated[bool, Field(description="Já existia no Evolution.")]
    state: Annotated[str, Field(description="`open`: conectada.", examples=["open"])]
    state_reason: MaybeText
    state_at: Instant
    phone: Annotated[str | None, Field(examples=["5511988887777"])]
    breaker: BreakerAnswer
    last_ack_at: MaybeInstant
    paused_at: Annotated[
        datetime | None, Field(description="Desde quando uma pessoa a pausou; nulo: não.")
    ]
    created_at: Instant


class QrAnswer(TypedDict):
    """What to scan."""

    base64: Annotated[
        str | None, Field(description="Imagem PNG.", examples=["data:image/png;base64,…"])
    ]
    code: MaybeText
    pairing_code: MaybeText


class InstanceShown(TypedDict):
    """One instance and, while it waits for a phone, what to scan."""

    success: Success
    instance: InstanceAnswer
    qrcode: QrAnswer | None


class InstanceList(TypedDict):
    """All of the tenant."""

    success: Success
    instances: list[InstanceAnswer]


def instance_answer(instance: Instance, *, masked: bool) -> InstanceAnswer:
    """State, breaker and last sign of life; no secrets."""
    phone = instance.owner_phone
    return {
        "id": instance.instance_id,
        "public_id": instance.public_id,
        "name": instance.name,
        "adopted": instance.adopted,
        "state": instance.state,
        "state_reason": instance.state_reason,
        "state_at": instance.state_at,
        "phone": mask_phone(phone) if phone and masked else phone,
        "breaker": breaker_answer(instance),
        "last_ack_at": instance.last_ack_at,
        "paused_at": instance.paused_at,
        "created_at": instance.created_at,
    }


def breaker_answer(row: HasBreaker) -> BreakerAnswer:
    """How it stands; `open_until` is when the next message probes the instance."""
    return {
        "state": row.breaker_state,
        "errors_in_a_row": row.errors_in_a_row,
        "times_opened": row.times_opened,
        "opened_at": row.opened_at,
        "open_until": row.open_until,
        "reason": row.rest_reason,
        "reason_text": words(row.rest_reason) or None,
    }


def qr_answer(qr: Qr | None) -> QrAnswer | None:
    """What to scan: `base64` is a data URI."""
    if qr is None:
        return None
    return {"base64": qr.base64, "code": qr.code, "pairing_code": qr.pairing_code}
