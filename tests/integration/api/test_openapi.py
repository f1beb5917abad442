"""/openapi.json and /docs: whole, true to the standard, safe to open."""

import json
import re
from collections import defaultdict
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.app import create_app
from api.auth import public
from api.openapi.describe import UNDESCRIBED, check_every_route_is_described
from shared.settings import Settings


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.content_type == "application/json"
    return dict(answer.get_json())


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_and_method_is_described(app: Flask, document: dict[str, Any]) -> None:
    methods: dict[str, set[str]] = defaultdict(set)
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in UNDESCRIBED:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            methods[path] |= {name.lower() for name in (rule.methods or ()) - {"HEAD", "OPTIONS"}}
    assert {path: set(shown) for path, shown in document["paths"].items()} == methods


def test_a_route_that_says_nothing_stops_the_start(settings: Settings) -> None:
    app = create_app(settings)
    app.add_url_rule("/silent", view_func=public(lambda: "x"))
    with pytest.raises(RuntimeError, match="does not say what it is"):
        check_every_route_is_described(app)


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
        contents += [response["content"] for response in operation["responses"].values()]
        for content in contents:
            for shown in content.values():
                values = [item["value"] for item in shown.get("examples", {}).values()]
                values += [shown["example"]] if "example" in shown else []
                for value in values:
                    faults = list(validator(document, shown["schema"]).iter_errors(value))
                    assert not faults, (name, faults[0].message)


def test_every_operation_has_an_example_of_each_answer_and_refusal(
    document: dict[str, Any],
) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            for content_type, shown in response["content"].items():
                told = "example" in shown or "examples" in shown
                assert told, (name, status, content_type)


def test_the_page_shows_every_operation_and_runs_nothing(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    answer = client.get("/docs")
    assert answer.content_type == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self' data:;")
    page = _Page()
    page.feed(answer.text)
    assert not page.tags & {"script", "style", "iframe", "object"}
    assert not any(name.startswith("on") or name == "style" for name in page.attributes)
    assert {target.removeprefix("#") for target in page.links if target[:1] == "#"} <= page.ids
    for _, operation in operations(document):
        assert operation["operationId"] in page.ids
    assert client.get(page.stylesheet).content_type == "text/css; charset=utf-8"


def test_only_the_page_loosens_the_policy(client: FlaskClient) -> None:
    for path in ("/health", "/openapi.json"):
        assert "style-src" not in client.get(path).headers["Content-Security-Policy"]


def test_text_of_the_document_is_escaped_in_the_page(document: dict[str, Any]) -> None:
    from api.openapi.page import render_page

    hostile = json.loads(json.dumps(document))
    hostile["info"]["description"] = "`<script>` <img src=x>"
    shown = render_page(hostile)
    assert "<script>" not in shown
    assert "<img" not in shown


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.stylesheet = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes |= set(given)
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") == "stylesheet":
            self.stylesheet = given["href"]
