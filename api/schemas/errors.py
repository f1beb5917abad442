"""The shapes of refusals, as `api.errors` writes them."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict


class FieldFault(TypedDict):
    """One fault of a body or query."""

    path: Annotated[
        str,
        Field(description="Como você escreveu.", examples=["contacts[3].telefone"]),
    ]
    message: Annotated[str, Field(examples=["campo obrigatório"])]
    code: Annotated[str, Field(examples=["required"])]


class Error(TypedDict):
    """What went wrong; `code` is for programs, `message` for people."""

    code: Annotated[str, Field(description="Estável, para programas.")]
    message: Annotated[str, Field(description="Para pessoas; pode mudar.")]
    request_id: str
    fields: NotRequired[
        Annotated[list[FieldFault], Field(description="Todas as falhas.", max_length=100)]
    ]


class ErrorShown(TypedDict):
    """A refusal."""

    success: Literal[False]
    error: Error


class Problem(Error):
    """A refusal in the form of RFC 9457."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
