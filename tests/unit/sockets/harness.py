"""A hub with clients that have no network."""

from typing import Any

import orjson

from api.sockets.client import Client
from api.sockets.hub import Hub
from shared.coordination.tickets import TicketIdentity
from shared.settings import GatewaySettings


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeConnection:
    """Takes what is written; never has anything to read."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.ended = False
        self.flooded = False
        self.close_code = 1005

    def wait(self, seconds: float) -> None: ...

    def wake(self) -> None: ...

    def received(self) -> list[str]:
        return []

    def write(self, frames: list[bytes]) -> None:
        self.written.extend(frames)

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


class NoConversation:
    def __init__(self) -> None:
        self.resyncs: list[tuple[int, int]] = []

    def open(self, client: Client, ticket: str) -> None: ...

    def answer(self, client: Client, message: str | bytes) -> None: ...

    def resync(self, client: Client, key: tuple[int, int]) -> None:
        del client
        self.resyncs.append(key)


class Bench:
    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.stored: list[dict[str, Any]] | None = []
        self.limits = GatewaySettings(**limits)
        self.hub = Hub(self.limits, lambda *where: self._load(where[2]), clock=self.clock)
        self.talk = NoConversation()

    def client(self, user: int = 1, tenant: int = 1, role: str = "operator") -> Client:
        client = Client(FakeConnection(), self.limits)  # type: ignore[arg-type]
        client.identity = TicketIdentity(tenant, user, role, 0)
        assert self.hub.admit(client)
        assert self.hub.identify(client, client.identity)
        return client

    def watching(self, seq: int, campaign: int = 7, **who: Any) -> Client:
        client = self.client(**who)
        key = (client.identity.tenant_id, campaign)  # type: ignore[union-attr]
        assert self.hub.watch(client, key, f"CAMP-{campaign}", 1)
        client.campaigns.add(key)
        client.sent[key] = seq
        self.hub.baseline(key, seq)
        return client

    def publish(
        self,
        first: int,
        last: int,
        *,
        event: str = "message_sent",
        tenant: int = 1,
        campaign: int = 7,
    ) -> None:
        batch = {
            "tenantId": tenant,
            "userId": 1,
            "campaignId": f"CAMP-{campaign}",
            "numericId": campaign,
            "firstSeq": first,
            "lastSeq": last,
            "at": "2026-01-01T00:00:00.000Z",
            "events": [
                {"seq": n, "data": {"event": event, "phone": "5511987654321"}}
                for n in range(first, last + 1)
            ],
        }
        self.hub.receive(tenant, orjson.dumps(batch))

    def count(self, delivered: int, *, tenant: int = 1, campaign: int = 7) -> None:
        told = {
            "tenantId": tenant,
            "userId": 1,
            "campaignId": f"CAMP-{campaign}",
            "numericId": campaign,
            "at": "2026-01-01T00:00:00.000Z",
            "receipts": {"delivered": delivered, "read": 1, "replied": 0},
        }
        self.hub.receive(tenant, orjson.dumps(told))

    def drain_gaps(self) -> None:
        self.hub.stop()
        self.hub.fill_gaps()

    def got(self, client: Client) -> list[dict[str, Any]]:
        client._flush(self.talk)
        written = client._connection.written  # type: ignore[attr-defined]
        messages = [orjson.loads(frame[frame.index(b"{") :]) for frame in written]
        written.clear()
        return messages

    def _load(self, after: int) -> list[dict[str, Any]] | None:
        if self.stored is None:
            return None
        return [event for event in self.stored if event["seq"] > after]


def stored(first: int, last: int) -> list[dict[str, Any]]:
    data = {"event": "message_sent", "phone": "5511987654321"}
    return [
        {"seq": n, "data": data, "at": "2026-01-01T00:00:00.000Z"} for n in range(first, last + 1)
    ]


def steps(messages: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(message["prevSeq"], message["seq"]) for message in messages]
