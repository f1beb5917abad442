"""Statements that take too long are logged by the name of their block, never by their values."""

from typing import Any, Final, Self

from psycopg import Cursor, RawCursor

from shared.db.sql import name_of
from shared.observability.slow import timed

_LITERAL: Final = "statement"


class TimedCursor(Cursor[Any]):
    """A cursor that says when `execute` was slow."""

    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        """Run it."""
        with timed("statement", _name(query)):
            return super().execute(query, *args, **options)


class TimedRawCursor(RawCursor[Any]):
    """The same for statements with `$1, $2, …`."""

    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        """Run it."""
        with timed("statement", _name(query)):
            return super().execute(query, *args, **options)


def _name(query: Any) -> str:
    return (name_of(query) if isinstance(query, str) else None) or _LITERAL
