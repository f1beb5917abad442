"""Query parameters: read by a model, cursors signed."""

from typing import TypeVar

from flask import request

from api.runtime import runtime
from api.schemas.base import Query
from shared.errors import FieldProblem, InvalidRequest

Read = TypeVar("Read", bound=Query)


def read(model: type[Read]) -> Read:
    """The query string as `model`.

    Raises:
        InvalidRequest: a parameter is given twice.
        ValidationError: unknown names and bad values, all at once; answered as 422.
    """
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        fields = [FieldProblem(name, "foi dado mais de uma vez") for name in twice]
        raise InvalidRequest(f"Parâmetro repetido: {twice[0]}.", fields=fields)
    return model.model_validate(request.args.to_dict())


def open_cursor(text: str | None, scope: str) -> int | None:
    """The position in a cursor, which only we can have written for this `scope`.

    Raises:
        InvalidRequest: we have not.
    """
    if not text:
        return None
    opened = runtime().cursors.open(text)
    prefix = f"{scope}|"
    if opened is None or not opened.startswith(prefix):
        problem = FieldProblem("cursor", "não é válido aqui")
        raise InvalidRequest("cursor não é válido aqui.", fields=[problem])
    return int(opened[len(prefix) :])


def next_cursor(scope: str, position: int) -> str:
    """A cursor that goes on after `position`."""
    return runtime().cursors.sign(f"{scope}|{position}")
