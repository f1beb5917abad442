"""Doubts as they are listed and decided."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.schemas.base import Body, Cursor, Line, Query, UpTo
from api.schemas.campaign_answers import CampaignShown
from api.schemas.words import CampaignCode, MaybeInstant, MaybeText, NextCursor, Success
from shared.db.doubts import DoubtLine
from shared.domain.contacts import MAX_CONTACTS
from shared.domain.doubts import Decision
from shared.domain.phone import mask_phone
from shared.domain.reasons import words

_Position = Annotated[int, Field(ge=0, lt=MAX_CONTACTS)]


class DoubtQuery(Query):
    """`?limit=…&cursor=…`."""

    limit: Annotated[int, UpTo(100)] = 50
    cursor: Cursor = None


class DecideBody(Body):
    """`{decision, positions | all, note?}`: what a person takes doubts for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "sent", "positions": [3], "note": "Vi no celular"}]
        }
    )

    decision: Decision = Field(
        description="`sent`: foi enviada; `failed`: não foi; `resend`: envia de novo."
    )
    positions: list[_Position] | None = Field(
        default=None, min_length=1, max_length=1000, description="Lugares na lista da campanha."
    )
    everything: bool = Field(
        default=False, alias="all", description="`true`: todas as que estão em dúvida."
    )
    note: Line | None = Field(
        default=None, min_length=1, max_length=500, description="Por quê; fica na auditoria."
    )

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.positions is not None) == self.everything:
            raise ValueError("use positions ou all, um dos dois")
        return self


class DoubtAnswer(TypedDict):
    """One message that may have been sent, and what is known of it."""

    campaign_id: CampaignCode
    position: Annotated[int, Field(ge=0, description="Lugar na lista enviada.")]
    nome: Annotated[str, Field(examples=["João"])]
    telefone: Annotated[
        str, Field(description="Mascarado para quem só visualiza.", examples=["5511999999999"])
    ]
    message_text: MaybeText
    instance: Annotated[str | None, Field(examples=["vendas"])]
    reason: Annotated[str | None, Field(description="Código.", examples=["timeout"])]
    reason_text: Annotated[str | None, Field(description="O motivo em palavras.")]
    detail: Annotated[str | None, Field(description="As palavras do Evolution.", examples=[None])]
    http_status: Annotated[int | None, Field(examples=[504])]
    attempt: Annotated[int, Field(ge=0, description="Número da tentativa.", examples=[1])]
    attempt_started_at: MaybeInstant
    looks: Annotated[
        int | None,
        Field(description="Vezes que o Evolution foi consultado; nulo: a janela de 24 h terminou."),
    ]
    next_look_at: Annotated[
        MaybeInstant, Field(description="Próxima consulta; nulo: nenhuma marcada.")
    ]
    lookup_works: Annotated[
        bool,
        Field(description="A consulta já mostrou um envio mais novo deste número remetente."),
    ]
    resent: Annotated[bool, Field(description="Já foi enviada de novo uma vez.")]
    duplicate_suspected: bool


class DoubtPage(TypedDict):
    """A page of doubts, in list order."""

    success: Success
    doubts: list[DoubtAnswer]
    next_cursor: NextCursor


class DoubtsDecided(CampaignShown):
    """The campaign after the decision."""

    decision: Decision
    decided: Annotated[int, Field(ge=1, description="Quantas dúvidas terminaram.", examples=[3])]


def doubt_answer(line: DoubtLine, *, masked: bool) -> DoubtAnswer:
    """A doubt in a list; viewers see a masked phone."""
    return {
        "campaign_id": line.public_id,
        "position": line.position,
        "nome": line.name,
        "telefone": mask_phone(line.phone) if masked else line.phone,
        "message_text": line.body,
        "instance": line.instance,
        "reason": line.reason,
        "reason_text": words(line.reason) or None,
        "detail": line.detail,
        "http_status": line.http_status,
        "attempt": line.attempt,
        "attempt_started_at": line.started_at,
        "looks": line.looks,
        "next_look_at": line.next_look_at,
        "lookup_works": line.lookup_works,
        "resent": line.resent_at is not None,
        "duplicate_suspected": line.duplicate_suspected,
    }
