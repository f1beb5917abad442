"""The examples of the product's own document, as they stand in it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("rapidflow-v3.md")

_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LEFT_OUT = ((r"\{\s*\.\.\.\s*\}", "{}"), (r"\[\s*\.\.\.\s*\]", "[]"))


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `at` is where it begins in the page."""

    language: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class HttpExample:
    """A request as written, and the answer documented under it (None: none is)."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    answer: Any


def blocks(language: str = "") -> list[Block]:
    """All fenced blocks, or those of one language, from first to last."""
    page = PAGE.read_text("utf-8")
    found = [Block(m[1], m[2], m.start()) for m in _BLOCK.finditer(page)]
    return [block for block in found if language in ("", block.language)]


def http_examples() -> list[HttpExample]:
    """Every ```http block."""
    requests = blocks("http")
    ends = [block.at for block in requests[1:]] + [_section_after(requests[-1].at)]
    return [_http(block, end) for block, end in zip(requests, ends, strict=True)]


def json_after(words: str) -> Any:
    """The first JSON example after these words."""
    start = PAGE.read_text("utf-8").index(words)
    return parse(next(block for block in blocks("json") if block.at > start).text)


def curl_commands() -> list[str]:
    """Every shell example that asks the server something."""
    return [block.text for block in blocks("bash") if block.text.startswith("curl")]


def script(first_words: str) -> str:
    """The JavaScript example that has these words."""
    (found,) = [block.text for block in blocks("javascript") if first_words in block.text]
    return found


def parse(text: str) -> Any:
    """JSON whose `{ ... }` and `[...]` stand for anything."""
    for pattern, empty in _LEFT_OUT:
        text = re.sub(pattern, empty, text)
    return json.loads(text)


def assert_documented(documented: Any, actual: Any, at: str = "answer") -> None:
    """Every documented key is there with its JSON type; more is allowed, values are examples."""
    assert kind(actual) == kind(documented), f"{at} is {actual!r}, documented is {documented!r}"
    if isinstance(documented, dict):
        for key, value in documented.items():
            assert key in actual, f"{at}.{key} is missing"
            assert_documented(value, actual[key], f"{at}.{key}")
    elif isinstance(documented, list) and documented:
        assert actual, f"{at} is empty"
        for index, item in enumerate(actual):
            assert_documented(documented[0], item, f"{at}[{index}]")


def kind(value: Any) -> str:
    """The JSON type."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names = {str: "string", dict: "object", list: "array", type(None): "null"}
    return names[type(value)]


def _http(block: Block, end: int) -> HttpExample:
    head, _, body = block.text.partition("\n\n")
    first, *lines = head.strip().splitlines()
    method, path = first.split()
    headers = dict(line.split(": ", 1) for line in lines)
    answers = [other for other in blocks("json") if block.at < other.at < end]
    return HttpExample(method, path, headers, body, parse(answers[0].text) if answers else None)


def _section_after(at: int) -> int:
    return PAGE.read_text("utf-8").index("\n## ", at)
