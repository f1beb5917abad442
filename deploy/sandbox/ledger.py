"""What left for WhatsApp, written down at the moment it was handed to the socket.

A row is `{at, instance, number, jid, key_id, kind, text, caller_gone}`: `number` as the caller
wrote it, `text` the text or caption. It is the truth against which duplicates are counted.
"""

from collections import deque
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from deploy.sandbox.numbers import same_line
from deploy.sandbox.storage import Journal

MAX_ROWS = 2_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One message handed over."""

    at: str
    instance: str
    number: str
    jid: str
    key_id: str
    kind: str
    text: str
    caller_gone: bool


class Ledger:
    """Append-only; the oldest rows leave memory after two million."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: deque[Entry] = deque((Entry(**row) for row in journal.rows()), MAX_ROWS)

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, entry: Entry) -> None:
        """Record a hand-over."""
        self._rows.append(entry)
        self._journal.append(entry)

    def rows(self, *, instance: str = "", number: str = "", limit: int = 0) -> list[Entry]:
        """Rows oldest first; `number` matches either Brazilian variant; the newest `limit`."""
        line = same_line(number) if number else ""
        newest = (
            row
            for row in reversed(self._rows)
            if (not instance or row.instance == instance)
            and (not line or line in (same_line(row.number), same_line(row.jid)))
        )
        return list(islice(newest, limit or None))[::-1]

    def clear(self) -> None:
        """Forget everything, on disk too."""
        self._rows.clear()
        self._journal.clear()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


def as_json(row: Entry) -> dict[str, Any]:
    """A row as the control route gives it."""
    return asdict(row)


def as_text(row: Entry) -> str:
    """A row for people: `time instance number (jid) kind key "text"`."""
    gone = " caller_gone" if row.caller_gone else ""
    return (
        f"{row.at} {row.instance} {row.number} ({row.jid}) {row.kind} {row.key_id}"
        f"{gone} {row.text!r}"
    )
