"""What every body has in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


class Body(BaseModel):
    """A request body: unknown keys are refused by name, no text becomes a number by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _trim(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def _plain_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("tem caracteres invisíveis ou de controle")
    return value


#: One line of visible text, spaces collapsed.
Line = Annotated[str, BeforeValidator(_trim), AfterValidator(_plain_line)]
