"""Stored messages and their wire shapes (evolution-api.md sections 3, 6 and 7)."""

import itertools
import os
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.answers import JsonObject
from deploy.sandbox.storage import Journal

_BOOT = os.urandom(6).hex()  # one per process
_SERIAL = itertools.count(1)
MAX_STORED = 300_000
CONTEXT = {
    "mentionedJid": [],
    "groupMentions": [],
    "ephemeralSettingTimestamp": {"low": 0, "high": 0, "unsigned": False},
    "disappearingMode": {"initiator": 0},
}


def new_key_id(prefix: str = "3EB0") -> str:
    """A WhatsApp message id: the prefix and 18 upper-case hex digits."""
    return prefix + os.urandom(9).hex().upper()


def new_cuid() -> str:
    """A database id."""
    return f"c{_BOOT}{next(_SERIAL):012x}"


@dataclass(slots=True)
class Message:
    """One row of the provider's `Message` table, with its status history."""

    instance: str
    instance_id: str
    key_id: str
    jid: str
    message: JsonObject
    message_type: str
    text: str
    from_me: bool = True
    push_name: str | None = "Você"
    source: str = "web"
    status: str | None = "PENDING"
    timestamp: int = field(default_factory=lambda: int(time.time()))
    row_id: str = field(default_factory=new_cuid)
    updates: list[tuple[str, str]] = field(default_factory=list)  # (status, row id)

    def key(self) -> JsonObject:
        """`{remoteJid, fromMe, id}`."""
        return {"remoteJid": self.jid, "fromMe": self.from_me, "id": self.key_id}

    def wire(self) -> JsonObject:
        """The 201 body, also the data of SEND_MESSAGE and MESSAGES_UPSERT."""
        body: JsonObject = {
            "key": self.key(),
            "pushName": self.push_name,
            "status": self.status,
            "message": self.message,
            "contextInfo": CONTEXT,
            "messageType": self.message_type,
            "messageTimestamp": self.timestamp,
            "instanceId": self.instance_id,
            "source": self.source,
        }
        return body if self.status is not None else {k: v for k, v in body.items() if k != "status"}

    def record(self) -> JsonObject:
        """A record of findMessages."""
        return {
            "id": self.row_id,
            "key": self.key(),
            "pushName": self.push_name,
            "messageType": self.message_type,
            "message": self.message,
            "messageTimestamp": self.timestamp,
            "instanceId": self.instance_id,
            "source": self.source,
            "contextInfo": CONTEXT,
            "MessageUpdate": [{"status": status} for status, _ in self.updates],
        }

    def status_row(self, status: str, row_id: str) -> JsonObject:
        """A row of findStatusMessage."""
        return {
            "id": row_id,
            "keyId": self.key_id,
            "remoteJid": self.jid,
            "fromMe": self.from_me,
            "participant": None,
            "pollUpdates": None,
            "status": status,
            "messageId": self.row_id,
            "instanceId": self.instance_id,
        }

    def update(self, status: str) -> JsonObject:
        """The data of MESSAGES_UPDATE."""
        return {
            "keyId": self.key_id,
            "remoteJid": self.jid,
            "fromMe": self.from_me,
            "participant": None,
            "status": status,
            "instanceId": self.instance_id,
            "messageId": self.row_id,
        }


class Messages:
    """The table: found by key id, by chat, or newest first; the oldest of 300,000 is forgotten."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: deque[Message] = deque()
        self._by_key: dict[tuple[str, str], Message] = {}
        self._by_chat: dict[tuple[str, str], list[Message]] = {}
        self.recent: deque[Message] = deque(maxlen=60)  # for the page, stored or not
        for row in journal.rows():
            self._reload(row)

    def _reload(self, row: dict[str, Any]) -> None:
        if "forget" in row:
            self._drop(row["forget"])
        elif "update" in row:
            name, key_id, status, row_id = row["update"]
            if message := self.find(name, key_id):
                message.updates.append((status, row_id))
        else:
            message = Message(**row)
            self._keep(message)
            self.recent.append(message)

    def _keep(self, message: Message) -> None:
        self._rows.append(message)
        self._by_key[message.instance, message.key_id] = message
        self._by_chat.setdefault((message.instance, message.jid), []).append(message)
        if len(self._rows) > MAX_STORED:
            self._unlink(self._rows.popleft())

    def _unlink(self, message: Message) -> None:
        self._by_key.pop((message.instance, message.key_id), None)
        chat = self._by_chat.get((message.instance, message.jid), [])
        if message in chat:
            chat.remove(message)
        if not chat:
            self._by_chat.pop((message.instance, message.jid), None)

    def insert(self, message: Message) -> None:
        """Store a row."""
        self._keep(message)
        self._journal.append(message)

    def add_update(self, message: Message, status: str) -> None:
        """Append to a row's status history."""
        row_id = new_cuid()
        message.updates.append((status, row_id))
        if self.find(message.instance, message.key_id) is message:
            self._journal.append({"update": [message.instance, message.key_id, status, row_id]})

    def find(self, instance: str, key_id: str) -> Message | None:
        """The row with this key id."""
        return self._by_key.get((instance, key_id))

    def newest(
        self, instance: str, *, key_id: str | None = None, jid: str | None = None
    ) -> Iterable[Message]:
        """Rows of one instance, newest first, narrowed by an index where one fits."""
        if key_id is not None:
            found = self.find(instance, key_id)
            return [found] if found and jid in (None, found.jid) else []
        if jid is not None:
            return reversed(self._by_chat.get((instance, jid), []))
        return (row for row in reversed(self._rows) if row.instance == instance)

    def _drop(self, instance: str) -> None:
        self._rows = deque(row for row in self._rows if row.instance != instance)
        self._by_key = {key: row for key, row in self._by_key.items() if key[0] != instance}
        self._by_chat = {key: rows for key, rows in self._by_chat.items() if key[0] != instance}

    def forget(self, instance: str) -> None:
        """Delete an instance's rows."""
        self._drop(instance)
        self._journal.append({"forget": instance})

    def clear(self) -> None:
        """Empty the table."""
        self._rows.clear()
        self._by_key.clear()
        self._by_chat.clear()
        self.recent.clear()
        self._journal.clear()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()
