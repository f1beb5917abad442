"""Instances: rows, keys and the state of their sockets (evolution-api.md section 2)."""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic, time_ns
from typing import Any, Literal

from deploy.sandbox.answers import JsonObject
from deploy.sandbox.schemas import SETTINGS

BAILEYS = "WHATSAPP-BAILEYS"
BUSINESS = "WHATSAPP-BUSINESS"
EVOLUTION = "EVOLUTION"
INTEGRATIONS = (BAILEYS, BUSINESS, EVOLUTION)

Status = Literal["open", "close", "connecting"]
# `none`: never connected since boot, the client object does not exist
Socket = Literal["none", "closed", "connecting", "open"]


def now_iso() -> str:
    """UTC with milliseconds and a Z, as JavaScript writes it."""
    seconds, milliseconds = divmod(time_ns() // 1_000_000, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def default_settings() -> JsonObject:
    """What create stores when nothing is asked."""
    return {**dict.fromkeys(SETTINGS, False), "msgCall": "", "wavoipToken": ""}


@dataclass(slots=True)
class Webhook:
    """The stored webhook row of one instance."""

    url: str
    enabled: bool = True
    events: list[str] = field(default_factory=list)
    headers: dict[str, Any] | None = None
    by_events: bool = False
    base64: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=now_iso)
    updated_at: str = field(default_factory=now_iso)

    def row(self, instance_id: str) -> JsonObject:
        """The reply of webhook/set and webhook/find."""
        return {
            "id": self.id,
            "url": self.url,
            "headers": self.headers,
            "enabled": self.enabled,
            "events": self.events,
            "webhookByEvents": self.by_events,
            "webhookBase64": self.base64,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "instanceId": instance_id,
        }

    @classmethod
    def of(cls, wanted: JsonObject) -> "Webhook":
        """From the `webhook` object of a request."""
        return cls(
            url=wanted.get("url", ""),
            enabled=wanted.get("enabled", True),
            events=list(wanted.get("events", ())),
            headers=wanted.get("headers"),
            by_events=wanted.get("byEvents", False),
            base64=wanted.get("base64", False),
        )


@dataclass(slots=True)
class Instance:
    """One WhatsApp number. `status` is what the API reports, `socket` what is really there."""

    name: str
    integration: str
    token: str
    number: str | None = None
    business_id: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: Status = "close"
    socket: Socket = "none"
    loaded: bool = True  # False: in the database but not in memory
    owner_jid: str | None = None
    profile_name: str | None = None
    webhook: Webhook | None = None
    settings: JsonObject = field(default_factory=default_settings)
    disconnection_code: int | None = None
    disconnection_object: str | None = None
    disconnected_at: str | None = None
    created_at: str = field(default_factory=now_iso)
    updated_at: str = field(default_factory=now_iso)
    epoch: int = 0  # a later connect or close makes earlier timers void
    qrcode: JsonObject | None = None  # shown while it connects

    def row(self, message_count: int) -> JsonObject:
        """An element of fetchInstances."""
        return {
            "id": self.id,
            "name": self.name,
            "connectionStatus": self.status,
            "ownerJid": self.owner_jid,
            "profileName": self.profile_name,
            "profilePicUrl": None,
            "integration": self.integration,
            "number": self.number,
            "businessId": self.business_id,
            "token": self.token,
            "clientName": "evolution",
            "disconnectionReasonCode": self.disconnection_code,
            "disconnectionObject": self.disconnection_object,
            "disconnectionAt": self.disconnected_at,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            **dict.fromkeys(("Chatwoot", "Proxy", "Rabbitmq", "Nats", "Sqs", "Websocket")),
            "Setting": self.settings,
            "_count": {"Message": message_count, "Contact": 0, "Chat": 0},
        }

    def state_body(self) -> JsonObject:
        """`{instance: {instanceName, state}}`; no state when not loaded."""
        body = {"instanceName": self.name}
        return {"instance": {**body, "state": self.status} if self.loaded else body}


class Instances:
    """By name; remembers names being cleaned up after a failed create."""

    def __init__(self) -> None:
        self.by_name: dict[str, Instance] = {}
        self._removing: dict[str, tuple[float, int]] = {}  # name -> (until, questions so far)

    def find(self, name: str) -> Instance | None:
        """The instance, or None."""
        return self.by_name.get(name)

    def add(self, instance: Instance) -> None:
        """Register it."""
        self.by_name[instance.name] = instance

    def remove(self, name: str) -> None:
        """Forget it."""
        self.by_name.pop(name, None)

    def begin_removal(self, name: str, window_ms: float) -> None:
        """A create failed: its name stays busy for a moment."""
        self._removing[name] = (monotonic() + window_ms / 1000, 0)

    def is_removing(self, name: str) -> int:
        """0 when free, else how often it was asked for during the cleaning."""
        if not self._removing:
            return 0
        until, asked = self._removing.get(name, (0.0, 0))
        if monotonic() >= until:
            self._removing.pop(name, None)
            return 0
        self._removing[name] = (until, asked + 1)
        return asked + 1

    def snapshot(self) -> list[JsonObject]:
        """For the state file."""
        return [asdict(instance) for instance in self.by_name.values()]

    def restore(self, saved: list[JsonObject]) -> None:
        """From the state file: `close` ones stay loaded without a socket."""
        for row in saved:
            webhook = row.pop("webhook")
            instance = Instance(**row, webhook=Webhook(**webhook) if webhook else None)
            if instance.status == "close":
                instance.socket = "none"
            self.add(instance)
