"""Named SQL blocks: `-- name --` starts one, the lines under it are its statement."""

import re
from importlib import resources
from typing import LiteralString, cast

_NAMES: dict[str, str] = {}
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
