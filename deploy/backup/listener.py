"""What PostgreSQL's programs say while they work."""

import re
import threading
from collections.abc import Callable
from typing import IO


class Listener(threading.Thread):
    """Reads what a program says while it works, so that it never waits for us."""

    def __init__(
        self, stream: IO[bytes], pattern: re.Pattern[str], heard: Callable[[str], None]
    ) -> None:
        super().__init__(daemon=True)
        self._stream, self._pattern, self._heard = stream, pattern, heard
        self._lines: list[str] = []
        self.start()

    def run(self) -> None:
        for raw in self._stream:
            line = raw.decode("utf-8", "replace").rstrip()
            found = self._pattern.search(line)
            if found:
                self._heard(found[1])
            elif len(self._lines) < 1000:
                self._lines.append(line)

    @property
    def text(self) -> str:
        """All but the lines of progress."""
        return "\n".join(self._lines)
