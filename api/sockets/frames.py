"""Updates as WebSocket frames, rendered once and shared by every socket that gets them."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from shared.domain.phone import mask_phone

CampaignKey = tuple[int, int]  # tenant, numeric campaign id
Slot = tuple[str, CampaignKey]  # what a newer frame takes the place of

PING: Final = b"\x89\x00"
_PHONE_KEYS: Final = frozenset({"phone", "telefone"})


class Receipts:
    """How far a campaign's messages came: totals without a number, the same for every socket."""

    __slots__ = ("_frame", "key", "slot", "user_id")

    def __init__(self, key: CampaignKey, told: Mapping[str, Any]) -> None:
        self.key = key
        self.user_id: int = told["userId"]
        self.slot: Slot | None = ("receipts", key)
        self._frame = json_frame(
            {
                "type": "campaign_receipts",
                "campaignId": told["campaignId"],
                "data": told["receipts"],
                "timestamp": told["at"],
            }
        )

    def frame(self) -> bytes:
        """The frame for any socket."""
        return self._frame


class Update:
    """One event of a campaign. `prevSeq` differs per socket and is spliced in when it is sent."""

    __slots__ = (
        "_at",
        "_data",
        "_latest",
        "_masked",
        "key",
        "public_id",
        "request_id",
        "seq",
        "slot",
        "user_id",
    )

    def __init__(
        self,
        key: CampaignKey,
        public_id: str,
        user_id: int,
        event: Mapping[str, Any],
        request_id: str | None = None,
    ) -> None:
        self.key = key
        self.public_id = public_id
        self.user_id = user_id
        self.request_id = request_id
        self.seq: int = event["seq"]
        progress = event["data"].get("event") == "progress"
        self.slot: Slot | None = ("progress", key) if progress else None
        self._data: Mapping[str, Any] = event["data"]
        self._at: str = event["at"]
        self._latest: tuple[int, bytes] = (-1, b"")
        self._masked: Update | None = None

    def frame(self, previous: int, *, masked: bool = False) -> bytes:
        """The frame for a socket whose last event of this campaign was `previous`."""
        if masked:
            return self._for_viewers().frame(previous)
        seen, frame = self._latest
        if seen != previous:  # nearly every socket has the same one
            frame = self._render(previous)
            self._latest = (previous, frame)
        return frame

    def _render(self, previous: int) -> bytes:
        message: dict[str, Any] = {
            "type": "campaign_update",
            "campaignId": self.public_id,
            "seq": self.seq,
            "prevSeq": previous,
            "data": self._data,
            "timestamp": self._at,
        }
        if self.request_id is not None:
            message["requestId"] = self.request_id
        return json_frame(message)

    def _for_viewers(self) -> "Update":
        if self._masked is None:
            event = {"seq": self.seq, "data": _without_phones(self._data), "at": self._at}
            self._masked = Update(self.key, self.public_id, self.user_id, event, self.request_id)
        return self._masked


def json_frame(message: Mapping[str, Any]) -> bytes:
    """A whole text frame (RFC 6455: final, unmasked)."""
    payload = orjson.dumps(message)
    size = len(payload)
    if size < 126:
        header = bytes((0x81, size))
    elif size < 65536:
        header = b"\x81\x7e" + size.to_bytes(2, "big")
    else:
        header = b"\x81\x7f" + size.to_bytes(8, "big")
    return header + payload


def _without_phones(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: mask_phone(str(item)) if key in _PHONE_KEYS else _without_phones(item)
            for key, item in value.items()
        }
    return [_without_phones(item) for item in value] if isinstance(value, list) else value
