"""What PostgreSQL's programs say while they work."""

import contextlib
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
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


@contextlib.contextmanager
def listening(
    process: "subprocess.Popen[bytes]", pattern: re.Pattern[str], heard: Callable[[str], None]
) -> Iterator[Listener]:
    """A program whose output the block reads to its end, listened to until it said all.

    `heard` gets the first group of each line that `pattern` matches. Where the block fails, the
    program is killed.
    """
    assert process.stderr is not None  # noqa: S101  a pipe
    with process:
        said = Listener(process.stderr, pattern, heard)
        try:
            yield said
        except BaseException:
            process.kill()
            raise
        finally:
            said.join()  # before the pipe is closed under it
