"""Statements that take too long are logged by the name of their block, never by their values."""

import time
from typing import Any, Final, Self

from psycopg import Cursor, RawCursor

from shared.db.sql import name_of
from shared.observability.slow import note_duration

_LITERAL: Final = "statement"


class TimedCursor(Cursor[Any]):
    """A cursor that says when `execute` was slow."""

    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        """Run it."""
        began = time.monotonic()
        try:
            return super().execute(query, *args, **options)
        finally:
            _note(query, began)


class TimedRawCursor(RawCursor[Any]):
    """The same for statements with `$1, $2, …`."""

    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        """Run it."""
        began = time.monotonic()
        try:
            return super().execute(query, *args, **options)
        finally:
            _note(query, began)


def _note(query: Any, began: float) -> None:
    name = name_of(query) if isinstance(query, str) else None
    note_duration("statement", name or _LITERAL, time.monotonic() - began)
