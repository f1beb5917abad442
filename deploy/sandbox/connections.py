"""Sockets opening and closing, and the events that tell (evolution-api.md sections 2 and 7)."""

import asyncio
import zlib
from collections.abc import Callable

import orjson

from deploy.sandbox.answers import JsonObject
from deploy.sandbox.instances import Instance, now_iso
from deploy.sandbox.messages import new_key_id
from deploy.sandbox.numbers import create_jid
from deploy.sandbox.qr import picture_of
from deploy.sandbox.tuning import Tuning
from deploy.sandbox.webhooks import Webhooks

FATAL_REASONS = frozenset((401, 402, 403, 406))
_RECONNECT_PAUSE_SECONDS = 0.1


class Connections:
    """Moves instances between close, connecting and open."""

    def __init__(self, tuning: Tuning, webhooks: Webhooks, save: Callable[[], None]) -> None:
        self._tuning = tuning
        self._webhooks = webhooks
        self._save = save
        self._floods: set[asyncio.Task[None]] = set()

    def begin(self, instance: Instance, *, scan: bool) -> JsonObject:
        """Start the socket; `scan` shows a QR code first. Opens by itself; returns the QR.

        While it connects the same QR is answered at once, and the connection goes on (section 2).
        """
        if instance.status == "connecting" and instance.qrcode is not None:
            return instance.qrcode
        self.connecting(instance)
        code = f"2@{new_key_id()},{new_key_id()},{new_key_id()}"
        qrcode: JsonObject = {"pairingCode": None, "code": code, "base64": picture_of(code)}
        if scan:
            data = {"qrcode": {"instance": instance.name, **qrcode}}
            self._webhooks.emit(instance, "QRCODE_UPDATED", data)
        self._later(self._tuning.connect_after_ms / 1000, instance, self.open)
        instance.qrcode = {**qrcode, "count": 1}
        return {**qrcode, "count": 1}

    def _later(self, seconds: float, instance: Instance, do: Callable[[Instance], None]) -> None:
        epoch = instance.epoch

        def act() -> None:
            if instance.epoch == epoch:
                do(instance)

        asyncio.get_running_loop().call_later(seconds, act)

    def connecting(self, instance: Instance) -> None:
        """Mark and tell."""
        instance.epoch += 1
        instance.qrcode = None
        instance.status = instance.socket = "connecting"
        self._tell(instance, "connecting", 200)
        self._save()

    def open(self, instance: Instance) -> None:
        """Mark and tell, with the owner."""
        instance.epoch += 1
        self.mark_open(instance)
        who = {
            "wuid": instance.owner_jid,
            "profileName": instance.profile_name,
            "profilePictureUrl": None,
        }
        self._tell(instance, "open", 200, who)
        self._save()

    @staticmethod
    def mark_open(instance: Instance) -> None:
        """Open without telling anybody."""
        instance.status = instance.socket = "open"
        instance.loaded = True
        instance.updated_at = now_iso()
        if instance.owner_jid is None:
            invented = f"551199{zlib.crc32(instance.name.encode()) % 10_000_000:07d}"
            instance.owner_jid = create_jid(instance.number or invented)
            instance.profile_name = instance.name

    def close(self, instance: Instance, reason: int, *, reconnect: bool = True) -> None:
        """Fatal reasons are told and final; others are silent and reconnect by themselves."""
        instance.epoch += 1
        instance.status = "close"
        instance.socket = "closed"
        if reason in FATAL_REASONS:
            self._tell_fatal(instance, reason)
        elif reconnect:
            self._later(
                _RECONNECT_PAUSE_SECONDS, instance, lambda it: void(self.begin(it, scan=False))
            )
        self._save()

    def refuse(self, instance: Instance) -> None:
        """The QR limit was reached."""
        instance.epoch += 1
        instance.status = "close"
        instance.socket = "closed"
        self._tell(instance, "refused", 428)
        self._save()

    def die(self, instance: Instance) -> None:
        """The socket is gone and nobody noticed: connectionState still says open."""
        instance.epoch += 1
        instance.status = "open"
        instance.socket = "closed"

    def flood(self, instance: Instance, per_second: float, for_ms: float) -> None:
        """The endless reconnect of an instance without network: `connecting` again and again."""
        task = asyncio.create_task(self._flood(instance, per_second, for_ms))
        self._floods.add(task)
        task.add_done_callback(self._floods.discard)

    async def _flood(self, instance: Instance, per_second: float, for_ms: float) -> None:
        for _ in range(round(per_second * for_ms / 1000)):
            self._tell(instance, "connecting", 200)
            await asyncio.sleep(1 / per_second)

    async def stop(self) -> None:
        """End the floods."""
        for task in self._floods:
            task.cancel()
        await asyncio.gather(*self._floods, return_exceptions=True)

    def _tell(
        self, instance: Instance, state: str, reason: int, more: JsonObject | None = None
    ) -> None:
        data = {"instance": instance.name, "state": state, "statusReason": reason, **(more or {})}
        self._webhooks.emit(instance, "CONNECTION_UPDATE", data)

    def _tell_fatal(self, instance: Instance, reason: int) -> None:
        payload = {"statusCode": reason, "error": "Unauthorized", "message": "Stream Errored"}
        detail = {"error": {"output": {"statusCode": reason, "payload": payload}}}
        instance.disconnection_code = reason
        instance.disconnection_object = orjson.dumps(detail).decode()
        instance.disconnected_at = now_iso()
        data = {
            "instance": instance.name,
            "status": "closed",
            "disconnectionAt": instance.disconnected_at,
            "disconnectionReasonCode": reason,
            "disconnectionObject": instance.disconnection_object,
        }
        self._webhooks.emit(instance, "STATUS_INSTANCE", data)
        self._webhooks.emit(instance, "LOGOUT_INSTANCE", None)
        self._tell(instance, "close", reason)


def void(_: object) -> None:
    """Drop a result."""
