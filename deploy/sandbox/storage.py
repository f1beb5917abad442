"""Files under --data-dir: append-only JSONL journals and one small state file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """One JSON object per line, written straight through; without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
            self._end_torn_line()

    def _end_torn_line(self) -> None:
        assert self._file is not None  # noqa: S101 - opened just above
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def append(self, row: object) -> None:
        """Add one line (a dict or a dataclass); it survives a kill of this process."""
        if self._file is not None:
            os.write(self._file, orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first; a line cut short by a kill is skipped."""
        if self._path is None:
            return
        with self._path.open("rb") as lines:
            for line in lines:
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue

    def clear(self) -> None:
        """Empty the file."""
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file; later appends are dropped."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class StateFile:
    """A JSON document replaced as a whole, so a kill leaves the old or the new one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def load(self) -> dict[str, Any]:
        """The saved document, or an empty one."""
        if self._path is None or not self._path.exists():
            return {}
        loaded: dict[str, Any] = orjson.loads(self._path.read_bytes())
        return loaded

    def save(self, document: dict[str, Any]) -> None:
        """Replace the document."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        draft.replace(self._path)
