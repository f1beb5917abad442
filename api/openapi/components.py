"""JSON schemas of bodies, queries and answers, by pydantic, with references between them."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

Schema = dict[str, Any]
_TEMPLATE: Final = "#/components/schemas/{model}"


class _Plain(GenerateJsonSchema):
    """Without a title for every field: the name says as much."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        """In the order the model says."""
        del parent_key
        return value


class Components:
    """`schemas` is `#/components/schemas`; `reference` is what an operation points at."""

    def __init__(self, bodies: Iterable[type[BaseModel]], answers: Iterable[Any]) -> None:
        inputs: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
            (model, "validation", TypeAdapter(model)) for model in dict.fromkeys(bodies)
        ]
        inputs += [(model, "serialization", TypeAdapter(model)) for model in dict.fromkeys(answers)]
        self._references, document = TypeAdapter.json_schemas(
            inputs, ref_template=_TEMPLATE, schema_generator=_Plain
        )
        self.schemas: dict[str, Schema] = document.get("$defs", {})
        for schema in self.schemas.values():
            schema.pop("description", None)  # docstrings are for those who read the code

    def body(self, model: type[BaseModel]) -> Schema:
        """The reference to a request body."""
        return self._reference(model, "validation")

    def answer(self, model: Any) -> Schema:
        """The reference to an answer."""
        return self._reference(model, "serialization")

    def resolve(self, schema: Schema) -> Schema:
        """The schema behind a reference, or itself."""
        target = schema.get("$ref")
        return schema if target is None else self.schemas[target.rpartition("/")[2]]

    def _reference(self, model: Any, mode: Literal["validation", "serialization"]) -> Schema:
        return dict(self._references[(model, mode)])


def query_schema(model: type[BaseModel]) -> Schema:
    """An object whose properties are the query parameters; never referenced."""
    return TypeAdapter(model).json_schema(schema_generator=_Plain)


def example_of(schema: Schema, components: Components) -> Any:
    """A whole value of this shape: examples where fields have them, else the plainest one."""
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "$ref" in schema:
        return example_of(components.resolve(schema), components)
    if schema.get("enum"):
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components)
    return _plainest(schema, components)


def _plainest(schema: Schema, components: Components) -> Any:
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example_of(item, components) for name, item in properties.items()}
    if kind == "array":
        return [example_of(schema["items"], components)] if "items" in schema else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "string": "…"}.get(str(kind))
