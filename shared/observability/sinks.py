"""Where finished log lines go: the terminal, one file per level and day, one file per campaign.

Every line leaves in a single `write` on a descriptor opened with O_APPEND, so any number of
processes share a file. Nothing here raises: a full disk costs log lines, never a message.
"""

import contextlib
import os
import re
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

_OPEN_CAMPAIGNS: Final = 64
_CAMPAIGN_ID: Final = re.compile(r"CAMP-[A-Za-z0-9_-]{1,64}")
_FILE_OF_LEVEL: Final = {
    "critical": "error",
    "exception": "error",
    "error": "error",
    "warning": "warn",
    "warn": "warn",
    "info": "info",
    "debug": "debug",
}


def encode(fields: dict[str, Any]) -> bytes:
    """One JSON object and a newline."""
    return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n"


class Console:
    """Standard error: colours for people, JSON for collectors."""

    def __init__(self) -> None:
        self._render: structlog.dev.ConsoleRenderer | None = None

    def write(self, fields: dict[str, Any], line: bytes) -> None:
        """Write one line; a closed or broken stream is ignored."""
        stream = sys.stderr
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.write(self._pretty(fields) if stream.isatty() else line.decode())
            stream.flush()

    def _pretty(self, fields: dict[str, Any]) -> str:
        if self._render is None:
            self._render = structlog.dev.ConsoleRenderer(colors=True, sort_keys=False)
        shown = {key: value for key, value in fields.items() if key not in {"pid", "process"}}
        return str(self._render(None, "", shown)) + "\n"


class AppendFile:
    """A file that many processes append to."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags, 0o640)
        self._cut = False

    def write(self, line: bytes) -> None:
        """Append in one write; after a cut line (full disk) start on a fresh one."""
        if self._cut:
            line = b"\n" + line
        try:
            self._cut = os.write(self._descriptor, line) < len(line)
        except OSError:
            return

    def close(self) -> None:
        """Give the descriptor back."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


class Files:
    """`YYYY-MM-DD-{error,warn,info,debug}.log` and `campaigns/CAMP-….log` under one folder.

    The date is the line's own, in UTC, so a line stands in the file its timestamp names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[str, AppendFile]] = {}
        self._campaigns: OrderedDict[str, AppendFile] = OrderedDict()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def write(self, fields: dict[str, Any], line: bytes) -> None:
        """Append to the level's file, and to those of the campaigns the line names
        (`campaign_id`, `campaign_ids`)."""
        with self._lock, contextlib.suppress(OSError):
            level = _FILE_OF_LEVEL.get(str(fields.get("level")), "info")
            self._of_day(level, str(fields["timestamp"])[:10]).write(line)
        for campaign_id in _campaigns_of(fields):
            with self._lock, contextlib.suppress(OSError):
                self._of_campaign(campaign_id).write(line)

    def close(self) -> None:
        """Close every file; the next line opens them again."""
        with self._lock:
            for _, file in self._levels.values():
                file.close()
            for file in self._campaigns.values():
                file.close()
            self._levels.clear()
            self._campaigns.clear()

    def _forked(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have held it

    def _of_day(self, level: str, day: str) -> AppendFile:
        known = self._levels.get(level)
        if known is not None and known[0] == day:
            return known[1]
        if known is not None:
            known[1].close()
            del self._levels[level]
        self._folder.mkdir(parents=True, exist_ok=True)
        file = AppendFile(self._folder / f"{day}-{level}.log")
        self._levels[level] = (day, file)
        return file

    def _of_campaign(self, campaign_id: str) -> AppendFile:
        file = self._campaigns.get(campaign_id)
        if file is not None:
            self._campaigns.move_to_end(campaign_id)
            return file
        while len(self._campaigns) >= _OPEN_CAMPAIGNS:
            self._campaigns.popitem(last=False)[1].close()
        folder = self._folder / "campaigns"
        folder.mkdir(parents=True, exist_ok=True)
        file = self._campaigns[campaign_id] = AppendFile(folder / f"{campaign_id}.log")
        return file


def _campaigns_of(fields: dict[str, Any]) -> list[str]:
    several = fields.get("campaign_ids")
    named = [fields.get("campaign_id"), *(several if isinstance(several, list) else ())]
    return [one for one in named if isinstance(one, str) and _CAMPAIGN_ID.fullmatch(one)]
