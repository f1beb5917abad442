"""What every body and every query has in common."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema


class Body(BaseModel):
    """A request body: unknown keys are refused by name, no text becomes a number by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Query(BaseModel):
    """Query parameters, read by `api.query`: unknown ones are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OneOf:
    """`a,b` from a list we know, as a list of text."""

    def __init__(self, *known: str) -> None:
        self._known = known

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        del schema, handler
        return {
            "type": "array",
            "items": {"type": "string", "enum": list(self._known)},
            "description": "Um ou mais, separados por vírgula.",
        }

    def _read(self, value: Any) -> list[str]:
        wanted = str(value).split(",")
        if not set(wanted) <= set(self._known):
            raise ValueError(f"precisa ser um destes: {', '.join(self._known)}")
        return wanted


class UpTo:
    """A page size: digits, 1 to `most`."""

    def __init__(self, most: int) -> None:
        self._most = most

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        del schema, handler
        return {
            "type": "integer",
            "minimum": 1,
            "maximum": self._most,
            "description": "Itens por página.",
        }

    def _read(self, value: Any) -> int:
        text = str(value)
        short = text.isascii() and text.isdigit() and len(text) <= 9
        if not (short and 1 <= int(text) <= self._most):
            raise ValueError(f"precisa ser um número de 1 a {self._most}")
        return int(text)


def _trim(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def _plain_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("tem caracteres invisíveis ou de controle")
    return value


def _stripped(value: Any) -> Any:
    return value.strip() or None if isinstance(value, str) else value


def _without_nul(value: str | None) -> str | None:
    if value is not None and "\0" in value:
        raise ValueError("tem um caractere nulo")
    return value


#: One line of visible text, spaces collapsed.
Line = Annotated[str, BeforeValidator(_trim), AfterValidator(_plain_line)]
#: Free text to look for; empty: not given.
Search = Annotated[
    str | None,
    Field(max_length=100, description="Parte do nome."),
    BeforeValidator(_stripped),
    AfterValidator(_without_nul),
]
#: Where a page begins, as the page before said; empty: at the beginning.
Cursor = Annotated[
    str | None, Field(max_length=500, description="O `next_cursor` da página anterior.")
]
