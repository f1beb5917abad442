"""`/openapi.json`: OpenAPI 3.1 of an app, from its routes and what they say about themselves."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from flask import Flask
from werkzeug.routing import Rule

from api.auth import access_of
from api.openapi import faults as known
from api.openapi.anchors import anchor_of
from api.openapi.components import Components, Schema, example_of, query_schema
from api.openapi.describe import TAGS, File, Operation, operation_of
from api.openapi.faults import Fault
from api.openapi.parameters import (
    HEADERS,
    IDEMPOTENCY_KEY,
    PATH_PARAMETERS,
    REQUEST_ID,
    SECURITY_SCHEMES,
)
from api.schemas.errors import ErrorShown, Problem
from shared.db.users import ROLES

Document = dict[str, Any]

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_DONE: Final = {200: "Feito.", 201: "Criado.", 202: "Aceito.", 503: "Indisponível."}
_SAID: Final = {
    400: "O pedido não pôde ser lido.",
    401: "Sem credencial válida.",
    403: "Sem permissão.",
    404: "Não existe, ou é de outro cliente.",
    409: "O estado atual não permite.",
    413: "Corpo grande demais.",
    414: "Endereço longo demais.",
    415: "O corpo não é JSON.",
    422: "Lido e recusado; `fields` diz cada falha.",
    429: "Pedidos demais.",
    500: "Falha nossa.",
    503: "Uma parte está fora do ar; nada ficou pela metade.",
}
_INTRO: Final = """
Campanhas de WhatsApp. Corpos e respostas são JSON em UTF-8; campos desconhecidos são recusados pelo
nome. Instantes são ISO 8601 em UTC; durações, segundos; taxas, por cento.

**Credencial.** Programas mandam `X-API-Key`; pessoas entram com `POST /api/auth/login` e mandam
`Authorization: Bearer`. Papéis: owner ⊃ admin ⊃ operator ⊃ viewer.

**Limites do plano padrão.** 60 pedidos por minuto e usuário, em janela móvel; 5 campanhas em
andamento por usuário (as outras esperam na fila); 2 mensagens por segundo e campanha, e o que se
atrasou recupera sem passar de 10 em um segundo nem de 120 em um minuto; 5 exportações por hora.
Um 429 sempre traz `Retry-After`. `/health`, `/docs` e webhooks não contam.

**Tamanhos.** Corpo até 64 KiB, o de campanhas até 4 MiB, o de webhooks até 1 MiB; JSON com até 20
níveis, sem chaves repetidas, NaN ou caracteres nulos; endereço até 4 KiB.

**Erros.** `{success: false, error: {code, message, request_id, fields?}}`, com todas as falhas de
uma vez e os caminhos como você escreveu (`contacts[3].telefone`). Com
`Accept: application/problem+json`, RFC 9457.

**Eventos ao vivo.** WebSocket em `/ws`, com o ticket de `POST /api/ws/ticket`.
""".strip()


def build_document(app: Flask, *, base_url: str, version: str) -> Document:
    """The whole document; asked once per process."""
    routes = sorted(_described(app), key=lambda route: (TAGS.index(route[1].tag), route[0].rule))
    components = Components(
        (operation.body for _, operation, _ in routes if operation.body is not None),
        [ErrorShown, Problem, *_models(operation for _, operation, _ in routes)],
    )
    paths: dict[str, Any] = defaultdict(dict)
    for rule, operation, access in routes:
        path, arguments = _path(rule)
        for method in _METHODS:
            if method in (rule.methods or ()):
                described = _Described(rule, method, operation, access, arguments, components)
                paths[path][method.lower()] = described.document()
    return {
        "openapi": "3.1.0",
        "info": {"title": "RapidFlow", "version": version, "description": _INTRO},
        "servers": [{"url": base_url}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": dict(paths),
        "components": {
            "schemas": components.schemas,
            "headers": HEADERS,
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY, "RequestId": REQUEST_ID},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _described(app: Flask) -> Iterable[tuple[Rule, Operation, str]]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        operation = operation_of(view)
        if operation is not None:
            yield rule, operation, access_of(view)


def _models(operations: Iterable[Operation]) -> Iterable[Any]:
    for operation in operations:
        for shapes in operation.answers.values():
            yield from (shape for shape in shapes if not isinstance(shape, File))


def _path(rule: Rule) -> tuple[str, list[str]]:
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule), sorted(rule.arguments)


class _Described:
    """One operation: what `describes` said, and what follows from it."""

    def __init__(
        self,
        rule: Rule,
        method: str,
        operation: Operation,
        access: str,
        arguments: Sequence[str],
        components: Components,
    ) -> None:
        self._rule = rule
        self._method = method
        self._said = operation
        self._access = access
        self._arguments = arguments
        self._components = components

    def document(self) -> Document:
        shown: Document = {
            "operationId": f"{self._method.lower()}-{anchor_of(self._rule.rule) or 'front'}",
            "summary": self._said.summary,
            "tags": [self._said.tag],
            "parameters": self._parameters(),
            "responses": self._responses(),
            "security": self._security(),
        }
        about = " ".join(filter(None, (self._said.description, self._role())))
        if about:
            shown["description"] = about
        if self._said.body is not None:
            shown["requestBody"] = self._request_body(self._said.body)
        return shown

    @property
    def _guarded(self) -> bool:
        return self._access != "public"

    def _role(self) -> str:
        if not self._guarded:
            return ""
        return f"Papel: {self._access} ou acima."

    def _security(self) -> list[Document]:
        if self._said.security is not None:
            return [
                {name: list(scopes) for name, scopes in choice.items()}
                for choice in self._said.security
            ]
        return [{"accessToken": []}, {"apiKey": []}] if self._guarded else []

    def _parameters(self) -> list[Document]:
        found: list[Document] = []
        for name in self._arguments:
            explained = PATH_PARAMETERS.get(name)
            if explained is None:
                raise RuntimeError(f"path parameter {name} is not in api/openapi/parameters.py")
            found.append({"name": name, "in": "path", "required": True, **explained})
        if self._said.query is not None:
            found += _query_parameters(query_schema(self._said.query))
        if self._said.idempotent:
            found.append({"$ref": "#/components/parameters/IdempotencyKey"})
        found.append({"$ref": "#/components/parameters/RequestId"})
        return found

    def _request_body(self, model: Any) -> Document:
        schema = self._components.body(model)
        given = self._components.resolve(schema).get("examples") or [
            example_of(schema, self._components)
        ]
        examples = {str(at): {"value": value} for at, value in enumerate(given, 1)}
        return {
            "description": f"Até {self._said.body_limit}.",
            "required": not self._said.body_optional,
            "content": {"application/json": {"schema": schema, "examples": examples}},
        }

    def _responses(self) -> Document:
        responses = {
            str(status): self._answer(status, shapes)
            for status, shapes in self._said.answers.items()
        }
        by_status: dict[int, list[Fault]] = defaultdict(list)
        for fault in self._faults():
            if fault not in by_status[fault.status]:
                by_status[fault.status].append(fault)
        for status, group in sorted(by_status.items()):
            if str(status) not in responses:
                responses[str(status)] = self._refusal(status, group)
        return dict(sorted(responses.items()))

    def _faults(self) -> Iterable[Fault]:
        said = self._said
        yield from said.faults
        if self._guarded:
            yield from known.UNAUTHORIZED
            yield known.RATE_LIMITED
            yield from known.UNAVAILABLE
            if self._access != ROLES[0]:
                yield known.FORBIDDEN
        if said.body is not None:
            yield from known.BODY
        if said.body is not None or said.query is not None:
            yield known.INVALID
        if self._arguments:
            yield known.NO_ADDRESS
        if said.idempotent:
            yield from known.IDEMPOTENCY
        if self._arguments or said.query is not None or self._guarded:
            yield known.LONG_ADDRESS
        yield known.INTERNAL

    def _answer(self, status: int, shapes: Sequence[Any]) -> Document:
        content: Document = {}
        for shape in shapes:
            if isinstance(shape, File):
                content[shape.content_type] = _file(shape)
            else:
                schema = self._components.answer(shape)
                example = example_of(schema, self._components)
                content["application/json"] = {"schema": schema, "example": example}
        headers = _headers("X-Request-Id", *self._said.answer_headers)
        if self._guarded:
            headers |= _headers("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
        if self._said.idempotent and self._said.replayed:
            headers |= _headers("Idempotent-Replayed")
        return {
            "description": _DONE.get(status, "Respondido."),
            "headers": headers,
            "content": content,
        }

    def _refusal(self, status: int, group: Sequence[Fault]) -> Document:
        headers = _headers("X-Request-Id")
        if status in (409, 429, 503):
            headers |= _headers("Retry-After")
        if status == 429:
            headers |= _headers("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
        codes = ", ".join(f"`{fault.code}`" for fault in group)
        return {
            "description": f"{_SAID[status]} Códigos: {codes}.",
            "headers": headers,
            "content": {
                "application/json": {
                    "schema": self._components.answer(ErrorShown),
                    "examples": {fault.code: {"value": _error(fault)} for fault in group},
                },
                "application/problem+json": {
                    "schema": self._components.answer(Problem),
                    "example": _problem(group[0]),
                },
            },
        }


def _query_parameters(schema: Schema) -> Iterable[Document]:
    for name, field in schema["properties"].items():
        inner = _without_null(field)
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": inner,
            **({"style": "form", "explode": False} if inner.get("type") == "array" else {}),
        }


def _without_null(field: Schema) -> Schema:
    """What a query string can carry: no null, and what is left out has no value."""
    choices = [choice for choice in field.get("anyOf", ()) if choice.get("type") != "null"]
    left = {key: value for key, value in field.items() if key not in ("anyOf", "description")}
    if left.get("default", "") is None:
        del left["default"]
    return {**(choices[0] if choices else {}), **left}


def _headers(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _file(shape: File) -> Document:
    text = shape.content_type.startswith("text/")
    shown: Document = {"schema": {"type": "string"} if text else {}}
    if shape.example:
        shown["example"] = shape.example
    return shown


def _error(fault: Fault) -> Document:
    error: Document = {"code": fault.code, "message": fault.message, "request_id": "8f14e45fceea"}
    if fault is known.INVALID:
        error["fields"] = [{"path": "name", "message": "campo obrigatório", "code": "required"}]
    return {"success": False, "error": error}


def _problem(fault: Fault) -> Document:
    error = _error(fault)["error"]
    return {"type": "about:blank", "title": fault.message, "status": fault.status, **error}
