"""Bodies and answers of suppressions (opt-outs)."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from api.schemas.base import Body, Cursor, Query, UpTo
from api.schemas.words import Instant, NextCursor, Number, Success
from shared.db.suppressions import Suppression
from shared.domain.phone import MAX_RAW, mask_phone

MOST_AT_ONCE: Final = 1000
REASONS: Final = ("opt_out", "manual", "erased")


def _digits(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        return None
    return "".join(sign for sign in value if sign not in " -.()+")


def _only_digits(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise ValueError("use só os algarismos do telefone")
    return value


class SuppressionQuery(Query):
    """`?search=…&limit=…&cursor=…`."""

    search: Annotated[
        str | None,
        Field(max_length=20, description="Parte do telefone; inteiro para quem foi apagado."),
        BeforeValidator(_digits),
        AfterValidator(_only_digits),
    ] = None
    limit: Annotated[int, UpTo(200)] = 50
    cursor: Cursor = None


class SuppressionBody(Body):
    """`{telefones}`: people nothing is to be sent to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"telefones": ["11999999999"]}]})

    telefones: list[Annotated[str, Field(min_length=1, max_length=MAX_RAW)]] = Field(
        min_length=1, max_length=MOST_AT_ONCE, description="Como as pessoas escrevem."
    )


class SuppressionAnswer(TypedDict):
    """One number that is never written to."""

    id: Annotated[int, Field(examples=[12])]
    telefone: Annotated[
        str | None,
        Field(
            description=(
                "Mascarado para quem só visualiza. `null`: apagado a pedido da pessoa; só a busca "
                "pelo número inteiro a encontra."
            ),
            examples=["5511999999999"],
        ),
    ]
    reason: Annotated[
        str,
        Field(
            description="`opt_out`: a pessoa pediu; `manual`: alguém incluiu; `erased`: apagada.",
            json_schema_extra={"enum": list(REASONS)},
            examples=["opt_out"],
        ),
    ]
    created_at: Instant


class SuppressionPage(TypedDict):
    """A page of suppressions, newest first."""

    success: Success
    suppressions: list[SuppressionAnswer]
    total: Annotated[int, Field(ge=0, description="Todos, com ou sem busca.", examples=[128])]
    next_cursor: NextCursor


class SuppressionsAdded(TypedDict):
    """How many numbers were new."""

    success: Success
    added: Number
    known: Annotated[int, Field(ge=0, description="Já estavam na lista.")]


def suppression_answer(line: Suppression, *, masked: bool) -> SuppressionAnswer:
    """As it may be shown."""
    return {
        "id": line.suppression_id,
        "telefone": mask_phone(line.phone) if masked and line.phone else line.phone,
        "reason": line.reason,
        "created_at": line.created_at,
    }
