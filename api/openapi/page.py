"""`/docs`: the document as a page for people. HTML from a template, nothing to run in a browser."""

import functools
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from api.openapi.anchors import anchor_of
from api.openapi.components import Schema

_DEEPEST: Final = 4
_LIMITS: Final = (
    ("minLength", "mín. {} caractere(s)"),
    ("maxLength", "máx. {} caracteres"),
    ("minItems", "mín. {} item(ns)"),
    ("maxItems", "máx. {} itens"),
    ("minimum", "≥ {}"),
    ("maximum", "≤ {}"),
)


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field of a body or answer; `depth` indents it."""

    name: str
    depth: int
    kind: str
    required: bool
    limits: str
    description: str


@dataclass(frozen=True, slots=True)
class AnswerBlock:
    """One answer that is no refusal."""

    status: str
    description: str
    content_type: str
    headers: list[str]
    fields: list[FieldLine]
    example: str


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """One code a request may be refused with."""

    status: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class OperationBlock:
    """One method and path."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    credentials: str
    parameters: list[dict[str, Any]]
    body_note: str
    body_fields: list[FieldLine]
    body_examples: list[str]
    answers: list[AnswerBlock]
    refusals: list[RefusalLine]
    curl: str


def render_page(document: dict[str, Any]) -> str:
    """The whole page."""
    reader = _Reader(document)
    groups = [
        (tag["name"], anchor_of(tag["name"]), list(reader.operations(tag["name"])))
        for tag in document["tags"]
    ]
    template = _environment().get_template("docs.html")
    return template.render(
        info=document["info"],
        server=document["servers"][0]["url"],
        groups=[group for group in groups if group[2]],
        schemes=document["components"]["securitySchemes"],
        headers=document["components"]["headers"],
    )


def stylesheet() -> bytes:
    """The page's CSS."""
    return resources.files(__package__).joinpath("docs.css").read_bytes()


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    environment.filters["inline"] = _inline
    return environment


def _inline(text: str) -> Markup:
    """`code` and **strong**; everything else is escaped."""
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", safe))  # noqa: S704  escaped


def _prose(text: str) -> Markup:
    """Paragraphs of `_inline`."""
    paragraphs = (Markup("<p>{}</p>").format(_inline(part)) for part in text.split("\n\n"))
    return Markup("\n").join(paragraphs)


class _Reader:
    """Finds in the document what a block shows."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def operations(self, tag: str) -> Iterator[OperationBlock]:
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                if tag in operation["tags"]:
                    yield self._operation(path, method.upper(), operation)

    def _operation(self, path: str, method: str, operation: dict[str, Any]) -> OperationBlock:
        body = operation.get("requestBody")
        content = body["content"]["application/json"] if body else {}
        examples = [item["value"] for item in content.get("examples", {}).values()]
        parameters = [self._resolve(item) for item in operation["parameters"]]
        return OperationBlock(
            anchor=operation["operationId"],
            method=method,
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            credentials=_credentials(operation["security"]),
            parameters=[self._parameter(item) for item in parameters],
            body_note=_body_note(body),
            body_fields=list(self._fields(content["schema"])) if body else [],
            body_examples=[_pretty(example) for example in examples],
            answers=list(self._answers(operation["responses"])),
            refusals=list(self._refusals(operation["responses"])),
            curl=self._curl(path, method, operation, parameters, examples),
        )

    def _parameter(self, parameter: dict[str, Any]) -> dict[str, Any]:
        schema = parameter["schema"]
        return {
            "name": parameter["name"],
            "place": parameter["in"],
            "required": parameter["required"],
            "description": parameter.get("description", ""),
            "kind": self._kind(schema),
            "limits": _limits(schema),
        }

    def _answers(self, responses: dict[str, Any]) -> Iterator[AnswerBlock]:
        for status, response in responses.items():
            for content_type, shown in response["content"].items():
                if _is_refusal(shown) or content_type == "application/problem+json":
                    continue
                schema = shown.get("schema", {})
                example = shown.get("example")
                yield AnswerBlock(
                    status=status,
                    description=response["description"],
                    content_type=content_type,
                    headers=list(response["headers"]),
                    fields=list(self._fields(schema)),
                    example=example if isinstance(example, str) else _pretty(example),
                )

    def _refusals(self, responses: dict[str, Any]) -> Iterator[RefusalLine]:
        for status, response in responses.items():
            shown = response["content"].get("application/json", {})
            if _is_refusal(shown):
                for code, example in shown["examples"].items():
                    yield RefusalLine(status, code, example["value"]["error"]["message"])

    def _fields(self, schema: Schema, depth: int = 0) -> Iterator[FieldLine]:
        inner = self._object(schema)
        required = inner.get("required", ())
        for name, field in inner.get("properties", {}).items():
            whole = {**self._resolve(field), **field}
            yield FieldLine(
                name=name,
                depth=depth,
                kind=self._kind(field),
                required=name in required,
                limits=_limits(_without_null(whole)),
                description=whole.get("description", ""),
            )
            if depth < _DEEPEST:
                yield from self._fields(field, depth + 1)

    def _object(self, schema: Schema) -> Schema:
        """The object inside references, lists and alternatives with null."""
        schema = _without_null(self._resolve(schema))
        schema = self._resolve(schema)
        return self._object(schema["items"]) if "items" in schema else schema

    def _kind(self, schema: Schema) -> str:
        schema = self._resolve(schema)
        if "anyOf" in schema:
            return " | ".join(dict.fromkeys(self._kind(choice) for choice in schema["anyOf"]))
        if schema.get("enum"):
            return " | ".join(json.dumps(value) for value in schema["enum"])
        if "const" in schema:
            return json.dumps(schema["const"])
        kind = schema.get("type", "qualquer")
        if kind == "array":
            return f"lista de {self._kind(schema.get('items', {}))}"
        kinds = [kind] if isinstance(kind, str) else kind
        name = " | ".join(_WORDS.get(part, part) for part in kinds)
        return f"{name} ({schema['format']})" if "format" in schema else name

    def _resolve(self, schema: Schema) -> Schema:
        target = schema.get("$ref")
        if target is None:
            return schema
        found: Any = self._document
        for part in target.removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)

    def _curl(
        self,
        path: str,
        method: str,
        operation: dict[str, Any],
        parameters: Iterable[dict[str, Any]],
        examples: list[Any],
    ) -> str:
        for parameter in parameters:
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        parts = [f"curl {'' if method == 'GET' else f'-X {method} '}{self._server}{path}"]
        schemes = [name for choice in operation["security"] for name in choice]
        if "apiKey" in schemes:
            parts.append('-H "X-API-Key: $RAPIDFLOW_KEY"')
        elif schemes and schemes != ["refreshCookie"]:
            parts.append('-H "Authorization: Bearer $TOKEN"')
        if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
            parts.append('-H "Idempotency-Key: $(uuidgen)"')
        if examples:
            parts.append('-H "Content-Type: application/json"')
            parts.append(f"-d {shlex.quote(_pretty(examples[0]))}")
        return " \\\n  ".join(parts)

    @property
    def _server(self) -> str:
        return str(self._document["servers"][0]["url"])


_WORDS: Final = {
    "string": "texto",
    "integer": "inteiro",
    "number": "número",
    "boolean": "true | false",
    "object": "objeto",
    "null": "null",
}


def _without_null(schema: Schema) -> Schema:
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return {**choice, **{key: value for key, value in schema.items() if key != "anyOf"}}
    return schema


def _limits(schema: Schema) -> str:
    said = [words.format(_number(schema[key])) for key, words in _LIMITS if key in schema]
    if schema.get("default") is not None and not isinstance(schema["default"], dict):
        said.append(f"padrão {json.dumps(schema['default'])}")
    return "; ".join(said)


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", ".") if value == int(value) else str(value)


def _credentials(security: Iterable[dict[str, Any]]) -> str:
    names = [" e ".join(choice) or "nenhuma" for choice in security]
    return " ou ".join(names) or "nenhuma"


def _body_note(body: dict[str, Any] | None) -> str:
    if body is None:
        return ""
    return f"{body['description']}{'' if body['required'] else ' Pode faltar.'}"


def _is_refusal(shown: dict[str, Any]) -> bool:
    return bool(shown.get("schema", {}).get("$ref") == "#/components/schemas/ErrorShown")


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value is not None else ""
