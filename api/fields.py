"""Faults of a body, named the way its author wrote it: `contacts[3].telefone`."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from shared.errors import FieldProblem, InvalidRequest

MAX_FIELDS: Final = 100

_SENTENCES: Final = {
    "missing": "campo obrigatório",
    "extra_forbidden": "campo desconhecido",
    "string_type": "precisa ser um texto",
    "string_too_short": "precisa ter pelo menos {min_length} caractere(s)",
    "string_too_long": "pode ter no máximo {max_length} caracteres",
    "too_short": "precisa ter pelo menos {min_length} item(ns)",
    "too_long": "pode ter no máximo {max_length} itens",
    "list_type": "precisa ser uma lista",
    "dict_type": "precisa ser um objeto",
    "model_type": "precisa ser um objeto",
    "model_attributes_type": "precisa ser um objeto",
    "int_type": "precisa ser um número inteiro",
    "int_parsing": "precisa ser um número inteiro",
    "int_from_float": "precisa ser um número inteiro",
    "float_type": "precisa ser um número",
    "float_parsing": "precisa ser um número",
    "finite_number": "precisa ser um número finito",
    "bool_type": "precisa ser true ou false",
    "bool_parsing": "precisa ser true ou false",
    "greater_than_equal": "precisa ser pelo menos {ge}",
    "less_than_equal": "pode ser no máximo {le}",
    "literal_error": "precisa ser um destes: {expected}",
    "datetime_type": "precisa ser uma data e hora ISO 8601 com fuso",
    "datetime_parsing": "precisa ser uma data e hora ISO 8601 com fuso",
    "datetime_from_date_parsing": "precisa ser uma data e hora ISO 8601 com fuso",
    "timezone_aware": "precisa dizer o fuso (por exemplo 2026-01-31T09:00:00-03:00)",
    "string_pattern_mismatch": "tem caracteres que não são aceitos",
}


def field_problems(error: ValidationError) -> tuple[FieldProblem, ...]:
    """All faults, at most a hundred, each once."""
    found: dict[str, FieldProblem] = {}
    for fault in error.errors(include_url=False, include_input=False):
        path = path_of(fault["loc"])
        found.setdefault(path, FieldProblem(path, _sentence(fault), _code(fault["type"])))
        if len(found) == MAX_FIELDS:
            break
    return tuple(found.values())


def refusal(fields: Sequence[FieldProblem]) -> InvalidRequest:
    """Faults as one refusal, the first of them in its sentence; at most a hundred."""
    first = f"{fields[0].path}: {fields[0].message}" if fields else "verifique os campos"
    return InvalidRequest(f"Dados inválidos ({first}).", fields=fields[:MAX_FIELDS])


def path_of(location: tuple[int | str, ...]) -> str:
    """`("contacts", 3, "telefone")` as `contacts[3].telefone`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or "body"


def _sentence(fault: Any) -> str:
    kind = fault["type"]
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    template = _SENTENCES.get(kind)
    if template is None:
        return "valor inválido"
    return template.format(**fault.get("ctx", {})).replace("' or '", "' ou '")


def _code(kind: str) -> str:
    if kind in ("missing", "extra_forbidden"):
        return {"missing": "required", "extra_forbidden": "unknown_field"}[kind]
    return "invalid"
