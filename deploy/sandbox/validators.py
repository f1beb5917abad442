"""Draft-07-like checks, compiled once per route (evolution-api.md sections 1 and 10).

A check takes a value and returns None when it fits, else the problems as (path, text). A path of
None marks a schema description, which replaces the whole detail. Extra properties always pass.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

Problems = list[tuple[str | None, str]]
Check = Callable[[Any], Problems | None]


def texts(problems: Problems) -> list[str]:
    """The lines a caller sees: `instance requires property "text"`, `values does not meet …`."""
    lines = []
    for path, text in problems:
        if path is None:
            lines.append(text)
        else:
            lines.append(f"{path.removeprefix('.') or 'instance'} {text}")
    return lines


def _problem(text: str, description: str | None) -> Problems:
    return [(None, description)] if description else [("", text)]


def string(
    *,
    min_length: int = 0,
    pattern: str | None = None,
    enum: Sequence[str] | None = None,
    description: str | None = None,
) -> Check:
    """A string, optionally bounded, matched or enumerated."""
    matcher = re.compile(pattern, re.ASCII) if pattern else None
    allowed = frozenset(enum or ())
    not_string = _problem("is not of a type(s) string", description)
    too_short = _problem(f"does not meet minimum length of {min_length}", description)
    mismatch = _problem(f"does not match pattern {pattern!r}", description)
    outside = _problem(f"is not one of enum values: {','.join(enum or ())}", description)

    def check(value: Any) -> Problems | None:
        if not isinstance(value, str):
            return outside if allowed else not_string
        if allowed and value not in allowed:
            return outside
        if len(value) < min_length:
            return too_short
        if matcher is not None and not matcher.search(value):
            return mismatch
        return None

    return check


def boolean() -> Check:
    """True or false, nothing that merely looks like it."""
    problem = _problem("is not of a type(s) boolean", None)
    return lambda value: None if isinstance(value, bool) else problem


def number() -> Check:
    """Any JSON number."""
    problem = _problem("is not of a type(s) number", None)

    def check(value: Any) -> Problems | None:
        return None if isinstance(value, (int, float)) and not isinstance(value, bool) else problem

    return check


def integer(
    *, minimum: int | None = None, maximum: int | None = None, description: str | None = None
) -> Check:
    """A whole number; 1.0 counts, as in JavaScript."""
    wrong = _problem("is not of a type(s) integer", description)
    low = _problem(f"must be greater than or equal to {minimum}", description)
    high = _problem(f"must be less than or equal to {maximum}", description)

    def check(value: Any) -> Problems | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1 != 0:
            return wrong
        if minimum is not None and value < minimum:
            return low
        return high if maximum is not None and value > maximum else None

    return check


def array(
    items: Check | None = None,
    *,
    min_items: int = 0,
    max_items: int | None = None,
    unique: bool = False,
    description: str | None = None,
) -> Check:
    """A list; every item is checked."""
    wrong = _problem("is not of a type(s) array", description)

    def shape(value: list[Any]) -> Problems:
        found: Problems = []
        if len(value) < min_items:
            found += _problem(f"does not meet minimum length of {min_items}", description)
        if max_items is not None and len(value) > max_items:
            found += _problem(f"does not meet maximum length of {max_items}", description)
        if unique and any(item in value[:at] for at, item in enumerate(value)):
            found += _problem("contains duplicate item", description)
        return found

    def check(value: Any) -> Problems | None:
        if not isinstance(value, list):
            return wrong
        found: Problems = []
        for at, item in enumerate(value if items else ()):
            found += _below(f"[{at}]", items(item) if items else None)
        return (found + shape(value)) or None

    return check


def obj(properties: dict[str, Check], required: Sequence[str] = ()) -> Check:
    """An object: known properties are checked, then the required ones must be there."""
    known = tuple((name, f".{name}", check) for name, check in properties.items())
    wrong = _problem("is not of a type(s) object", None)
    needed = tuple(required)

    def check(value: Any) -> Problems | None:
        if not isinstance(value, dict):
            return wrong
        found: Problems | None = None
        for name, path, inner in known:
            if name in value and (problems := inner(value[name])):
                found = (found or []) + _below(path, problems)
        for name in needed:
            if name not in value:
                found = [*(found or []), ("", f'requires property "{name}"')]
        return found

    return check


def _below(path: str, problems: Problems | None) -> Problems:
    return [(None if at is None else path + at, text) for at, text in problems or ()]
