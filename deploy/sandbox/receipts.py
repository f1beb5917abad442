"""What comes back from WhatsApp after a send: acks and replies (evolution-api.md section 7)."""

import random

from deploy.sandbox.faults import Fault
from deploy.sandbox.instances import BUSINESS, Instance
from deploy.sandbox.messages import Message, Messages, new_key_id
from deploy.sandbox.numbers import Numbers
from deploy.sandbox.timers import Timers
from deploy.sandbox.tuning import Tuning
from deploy.sandbox.webhooks import Webhooks

REPLIES = ("Obrigado!", "Ok, recebi.", "Pode me ligar?", "Que ótimo, quero saber mais", "👍")
META_WORDS = {
    "SERVER_ACK": "SENT",
    "DELIVERY_ACK": "DELIVERED",
    "READ": "READ",
    "ERROR": "FAILED",
}
Step = tuple[float, str]  # (in how many ack delays, status)


class Receipts:
    """Schedules status updates and incoming messages."""

    def __init__(
        self,
        tuning: Tuning,
        webhooks: Webhooks,
        messages: Messages,
        numbers: Numbers,
        dice: random.Random,
    ) -> None:
        self._tuning = tuning
        self._webhooks = webhooks
        self._messages = messages
        self._numbers = numbers
        self._dice = dice
        self._timers = Timers()

    def schedule(self, instance: Instance, message: Message, fault: Fault) -> None:
        """Plan the acks of a message just handed over, and perhaps a reply."""
        later = self._timers.later
        unit = self._tuning.ack_delay_ms / 1000
        offset = fault.late_ms / 1000 if fault.acks == "late" else 0.0
        read = self._dice.random() < self._tuning.read_share
        steps = plan(fault.acks, read=read)
        for factor, status in steps:
            if fault.acks == "before_201":
                self.acknowledge(instance, message, status)
            else:
                later(offset + factor * unit, self.acknowledge, instance, message, status)
        refused = fault.acks in ("lost", "error")
        if not refused and self._dice.random() < self._tuning.reply_share:
            reply = self._dice.choice(REPLIES)
            later(offset + 4 * unit, self.receive, instance, message.jid, reply)

    def acknowledge(self, instance: Instance, message: Message, status: str) -> None:
        """One MESSAGES_UPDATE; dropped when saving is on and the row is not there."""
        stored = self._messages.find(instance.name, message.key_id) is not None
        if self._tuning.save_messages and not stored:
            return
        if instance.integration == BUSINESS:
            status = META_WORDS[status]
        self._messages.add_update(message, status)
        data = message.update(status)
        if instance.integration == BUSINESS:
            data["fromMe"] = False
        self._webhooks.emit(instance, "MESSAGES_UPDATE", data)

    def receive(
        self,
        instance: Instance,
        jid: str,
        text: str,
        *,
        push_name: str | None = None,
        from_me: bool = False,
    ) -> Message:
        """An incoming text (or, `from_me`, one typed on the owner's phone): MESSAGES_UPSERT."""
        message = Message(
            instance=instance.name,
            instance_id=instance.id,
            key_id=new_key_id("3A"),
            jid=jid,
            message={"conversation": text},
            message_type="conversation",
            text=text,
            from_me=from_me,
            push_name=push_name or jid.split("@")[0],
            source="ios",
            status="SERVER_ACK" if from_me else "DELIVERY_ACK",
        )
        self._numbers.remember(jid)
        if self._tuning.save_messages:
            self._messages.insert(message)
        self._messages.recent.append(message)
        self._webhooks.emit(instance, "MESSAGES_UPSERT", message.wire())
        return message


def plan(acks: str | None, *, read: bool) -> list[Step]:
    """The steps of one message under an `acks` fault (None: the usual way)."""
    usual: list[Step] = [(1, "SERVER_ACK"), (2, "DELIVERY_ACK")]
    if read:
        usual.append((3.5, "READ"))
    if acks == "duplicated":
        return [step for at, status in usual for step in ((at, status), (at + 0.1, status))]
    if acks == "inverted":
        return [(1, "READ"), (1.5, "DELIVERY_ACK"), (2, "SERVER_ACK")]
    special: dict[str, list[Step]] = {
        "lost": [],
        "error": [(1, "ERROR")],
        "server_only": [(1, "SERVER_ACK")],
    }
    return special.get(acks or "", usual)
