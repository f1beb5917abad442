"""supervisord's log, told to a person: who died, of what, and that it runs again."""

import re
from collections import Counter
from collections.abc import Callable
from typing import IO

_EXITED = re.compile(r"exited: (?P<name>\S+) \((?P<how>[^;)]*)")
_SPAWNED = re.compile(r"spawned: '(?P<name>[^']+)' with pid (?P<pid>\d+)")
_GAVE_UP = re.compile(r"gave up: (?P<name>\S+) ")
_KILLING = re.compile(r"killing '(?P<name>[^']+)' \(\d+\) with SIGKILL")


class Narrator:
    """Reads supervisord's output line by line, in a thread of its own."""

    def __init__(self, say: Callable[[str], None], log_folder: object) -> None:
        self._say = say
        self._log_folder = log_folder
        self._died_of: dict[str, str] = {}
        self.deaths: Counter[str] = Counter()
        self.last_line = ""
        self.stopping = False

    def read(self, output: IO[str]) -> None:
        """Until supervisord closes its end."""
        with output:
            for line in output:
                self.last_line = line.strip() or self.last_line
                if sentence := self.tell(line):
                    self._say(sentence)

    def tell(self, line: str) -> str | None:
        """The sentence for one line, if a person wants to know."""
        if found := _KILLING.search(line):
            return f"{found['name']} did not end in time and was killed"
        if self.stopping:
            return None
        if found := _EXITED.search(line):
            self.deaths[found["name"]] += 1
            self._died_of[found["name"]] = _cause(found["how"])
        elif found := _GAVE_UP.search(line):
            return (
                f"{found['name']} keeps dying and is not started again; "
                f"see {self._log_folder}/{found['name']}.log"
            )
        elif (found := _SPAWNED.search(line)) and (of := self._died_of.pop(found["name"], None)):
            return f"{found['name']} died ({of}), restarted as pid {found['pid']}"
        return None


def _cause(how: str) -> str:
    return how.removeprefix("terminated by ").replace("exit status", "exit code").strip()
