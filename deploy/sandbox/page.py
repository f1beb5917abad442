"""The page of the sandbox: one HTML file and the document it polls."""

from functools import cache
from pathlib import Path

from deploy.sandbox.answers import JsonObject
from deploy.sandbox.messages import Message
from deploy.sandbox.world import World

_SHOWN = 40


@cache
def page() -> str:
    """The HTML, read once."""
    return (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


def overview(world: World) -> JsonObject:
    """`{counters, instances: [...], messages: [...newest first]}`."""
    totals = world.stats.total
    counters = {
        "sent": len(world.ledger),
        "in_flight": totals.in_flight,
        "per_second": totals.second.peak,
        "webhooks": world.webhooks.counts["delivered"],
        "pending": world.webhooks.pending,
        "faults": len(world.faults.rules),
    }
    rows = [
        {
            "name": instance.name,
            "status": instance.status,
            "owner": (instance.owner_jid or "").split("@")[0],
            "sent": world.stats.instances[instance.name].sent
            if instance.name in world.stats.instances
            else 0,
        }
        for instance in world.instances.by_name.values()
    ]
    newest = list(world.messages.recent)[::-1][:_SHOWN]
    return {
        "counters": counters,
        "instances": rows,
        "messages": [_bubble(message) for message in newest],
    }


def _bubble(message: Message) -> JsonObject:
    return {
        "id": message.key_id,
        "instance": message.instance,
        "chat": message.jid.split("@")[0],
        "mine": message.from_me,
        "text": message.text or f"[{message.message_type}]",
        "at": message.timestamp,
        "status": _furthest(message),
    }


def _furthest(message: Message) -> str:
    """The highest tick reached."""
    seen = {status for status, _ in message.updates}
    for marks in (("READ",), ("DELIVERY_ACK", "DELIVERED"), ("SERVER_ACK", "SENT")):
        if seen.intersection(marks):
            return marks[0]
    return "ERROR" if seen.intersection(("ERROR", "FAILED")) else "PENDING"
