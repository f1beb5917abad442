"""Query parameters: from lists we know, inside limits, cursors signed."""

from collections.abc import Collection, Sequence

from flask import request

from api.runtime import runtime
from shared.errors import FieldProblem, InvalidRequest


def check_names(*known: str) -> None:
    """Raises InvalidRequest naming parameters this route does not have."""
    unknown = sorted(set(request.args) - set(known))
    if unknown:
        fields = [FieldProblem(name, "parâmetro desconhecido", "unknown_field") for name in unknown]
        raise InvalidRequest(f"Parâmetro desconhecido: {unknown[0]}.", fields=fields)


def limit(default: int, most: int) -> int:
    """`limit`, 1 to `most`."""
    text = request.args.get("limit", str(default))
    short = text.isascii() and text.isdigit() and len(text) <= 9
    if not (short and 1 <= int(text) <= most):
        raise _fault("limit", f"precisa ser um número de 1 a {most}")
    return int(text)


def choices(name: str, known: Collection[str]) -> Sequence[str] | None:
    """`name=a,b` from a list; None where it is not given."""
    text = request.args.get(name)
    if not text:
        return None
    wanted = text.split(",")
    if not set(wanted) <= set(known):
        raise _fault(name, f"precisa ser um destes: {', '.join(known)}")
    return wanted


def search(name: str = "search") -> str | None:
    """Free text, at most 100 characters."""
    text = request.args.get(name, "").strip()
    if len(text) > 100 or "\0" in text:
        raise _fault(name, "pode ter no máximo 100 caracteres")
    return text or None


def cursor(scope: str) -> int | None:
    """The position in `cursor`, which only we can have written for this `scope`."""
    text = request.args.get("cursor")
    if not text:
        return None
    opened = runtime().cursors.open(text[:500])
    prefix = f"{scope}|"
    if opened is None or not opened.startswith(prefix):
        raise _fault("cursor", "não é válido aqui")
    return int(opened[len(prefix) :])


def next_cursor(scope: str, position: int) -> str:
    """A cursor that goes on after `position`."""
    return runtime().cursors.sign(f"{scope}|{position}")


def _fault(name: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {message}.", fields=[FieldProblem(name, message)])
