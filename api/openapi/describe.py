"""What a route says about itself. A route without it stops the start.

    @bp.post("/<reference>/clone")
    @describes("Copia uma campanha", CAMPAIGNS, body=CloneBody, answers={201: CampaignCreated},
               faults=(CAMPAIGN_NOT_FOUND,), idempotent=True)
    @require("operator")
    def clone(user: User, reference: str) -> ResponseReturnValue: ...

Said once and not again: credentials, roles and limits follow from `require`, the refusals of a body
from `body`, 404 from a path parameter, 409 and the header from `idempotent`. `answers` are
TypedDicts that the route's answer function returns, so mypy holds code and description together;
`File` is an answer that is not JSON. Only refusals of the route's own go into `faults`. A new path
parameter is explained in `PATH_PARAMETERS` (api/openapi/parameters.py). Sentences are Portuguese.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Flask
from pydantic import BaseModel

from api.openapi.faults import Fault

Tag = str
CAMPAIGNS: Final[Tag] = "Campanhas"
ANALYTICS: Final[Tag] = "Métricas"
INSTANCES: Final[Tag] = "Instâncias"
SUPPRESSIONS: Final[Tag] = "Descadastros"
ACCESS: Final[Tag] = "Acesso"
CALLBACKS: Final[Tag] = "Retornos e webhooks"
HEALTH: Final[Tag] = "Saúde"

_OPERATION: Final = "__rapidflow_operation__"
TAGS: Final = (CAMPAIGNS, ANALYTICS, INSTANCES, SUPPRESSIONS, ACCESS, CALLBACKS, HEALTH)
#: Not for programs: the description itself and the console.
UNDESCRIBED: Final = frozenset(
    {"openapi.document", "openapi.page", "openapi.style"} | {"console.asset", "console.icon"}
)

_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is not our JSON: its content type and what is in it."""

    content_type: str
    description: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one route takes and gives; `security` None: what `require` says.

    `replayed` False: its answer holds a secret, so the same Idempotency-Key is refused with 409.

    `answers`: status to one model or several (JSON or `File`), of success and of failure alike.
    """

    summary: str
    tag: Tag
    description: str
    body: type[BaseModel] | None
    body_optional: bool
    body_limit: str
    query: type[BaseModel] | None
    answers: Mapping[int, Sequence[Any]]
    faults: tuple[Fault, ...]
    idempotent: bool
    replayed: bool
    security: Sequence[Mapping[str, Sequence[str]]] | None
    answer_headers: Sequence[str]


def describes(
    summary: str,
    tag: Tag,
    *,
    answers: Mapping[int, Any],
    description: str = "",
    body: type[BaseModel] | None = None,
    body_optional: bool = False,
    body_limit: str = "64 KiB",
    query: type[BaseModel] | None = None,
    faults: Sequence[Fault] = (),
    idempotent: bool = False,
    replayed: bool = True,
    security: Sequence[Mapping[str, Sequence[str]]] | None = None,
    answer_headers: Sequence[str] = (),
) -> Callable[[_View], _View]:
    """Keep the description on the view; above or below `require`, both work."""
    operation = Operation(
        summary=summary,
        tag=tag,
        description=description,
        body=body,
        body_optional=body_optional,
        body_limit=body_limit,
        query=query,
        answers={
            status: answer if isinstance(answer, tuple) else (answer,)
            for status, answer in answers.items()
        },
        faults=tuple(faults),
        idempotent=idempotent,
        replayed=replayed,
        security=security,
        answer_headers=answer_headers,
    )

    def keep(view: _View) -> _View:
        setattr(view, _OPERATION, operation)
        return view

    return keep


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What the view says about itself."""
    operation: Operation | None = getattr(view, _OPERATION, None)
    return operation


def check_every_route_is_described(app: Flask) -> None:
    """Deny by default: a route that `/openapi.json` would not show stops the start."""
    for endpoint, view in app.view_functions.items():
        if endpoint not in UNDESCRIBED and operation_of(view) is None:
            raise RuntimeError(f"route {endpoint} does not say what it is (api/openapi/describe)")
