"""Named SQL blocks: `-- name --` starts one, the lines under it are its statement."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import LiteralString, NamedTuple, cast

_NAMES: dict[str, str] = {}
_PARAMETER = re.compile(r"%\((\w+)\)s")
_BLOCK = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


def load_sql(file_name: str) -> dict[str, LiteralString]:
    """Statements of `shared/db/<file_name>` by name.

    The files are part of the program, so their text counts as literal.
    """
    text = resources.files("shared.db").joinpath(file_name).read_text("utf-8")
    parts = _BLOCK.split(text)
    blocks = {
        name: cast("LiteralString", body.strip())
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    room = file_name.removesuffix(".sql")
    _NAMES.update((body, f"{room}.{name}") for name, body in blocks.items())
    return blocks


def name_of(statement: str) -> str | None:
    """`messages.record_verdicts`, if the statement is a named block."""
    return _NAMES.get(statement)


def like(text: str) -> str:
    """`text` taken literally inside a LIKE pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


class Positional(NamedTuple):
    """A statement with `$1, $2, …` for a raw cursor, and the names of its parameters in order."""

    text: LiteralString
    names: tuple[str, ...]

    def values(self, params: Mapping[str, object]) -> list[object]:
        """What the statement takes, out of parameters by name."""
        return [params[name] for name in self.names]


def positional(statement: LiteralString) -> Positional:
    """The same statement numbered once.

    The driver looks for named parameters anew at every execution of a statement over 4 KiB, which
    takes a millisecond for the longest of ours.
    """
    names = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
    numbers = {name: f"${number}" for number, name in enumerate(names, start=1)}
    text = _PARAMETER.sub(lambda found: numbers[found[1]], statement).replace("%%", "%")
    _NAMES[text] = _NAMES[statement]
    return Positional(text, names)
