"""Erasures of a person's data as they are asked for and listed."""

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.schemas.base import Body, Query, UpTo
from api.schemas.words import Instant, MaybeInstant, Number, Success
from shared.db.erasures import Erasure
from shared.domain.phone import MAX_RAW


class ErasureQuery(Query):
    """`?limit=…`."""

    limit: Annotated[int, UpTo(100)] = 50


class ErasureBody(Body):
    """`{telefone}`: the person whose data go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"telefone": "11999999999"}]})

    telefone: str = Field(
        min_length=1, max_length=MAX_RAW, description="Como a pessoa escreve; qualquer forma dele."
    )


class ErasureAnswer(TypedDict):
    """A request. It does not say whose it is."""

    id: Annotated[int, Field(examples=[3])]
    requested_at: Instant
    done_at: MaybeInstant
    contacts: Annotated[Number, Field(description="Contatos esvaziados até agora.", examples=[2])]


class ErasureShown(TypedDict):
    """One request."""

    success: Success
    erasure: ErasureAnswer


class ErasureList(TypedDict):
    """The newest requests."""

    success: Success
    erasures: list[ErasureAnswer]


def erasure_answer(erasure: Erasure) -> ErasureAnswer:
    """As a client sees it."""
    return ErasureAnswer(
        id=erasure.erasure_id,
        requested_at=erasure.requested_at,
        done_at=erasure.done_at,
        contacts=erasure.contacts,
    )
