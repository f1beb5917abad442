"""Events as clients see them, built from stored events and the contacts they name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.db.events import Audience, NamedContact, StoredEvents
from shared.db.receipts import ReceiptTotals

Contacts = Mapping[tuple[int, int], NamedContact]


def client_event(event: Mapping[str, Any], contact: NamedContact | None) -> dict[str, Any]:
    """`data` of a `campaign_update`: the stored event with the contact's name, phone and text.

    Field names are the spec's: `contactName`, `phone`, and `messageText` of a sent message.
    """
    shown = {key: value for key, value in event.items() if key not in {"seq", "position"}}
    if contact is not None:
        shown["contactName"] = contact.name
        shown["phone"] = contact.phone
        if event["event"] == "message_sent":
            shown["messageText"] = contact.body
    return shown


def client_events(batch: StoredEvents, contacts: Contacts) -> list[dict[str, Any]]:
    """`[{seq, data}, …]` of one stored batch."""
    return [
        {
            "seq": event["seq"],
            "data": client_event(
                event, contacts.get((batch.campaign_id, event.get("position", -1)))
            ),
        }
        for event in batch.events
    ]


def wire_batch(batch: StoredEvents, audience: Audience, contacts: Contacts) -> dict[str, Any]:
    """One message on the tenant's channel: everything one transaction caused for one campaign."""
    return {
        "tenantId": batch.tenant_id,
        "userId": audience.user_id,
        "campaignId": audience.public_id,
        "numericId": batch.campaign_id,
        "requestId": audience.request_id,
        "firstSeq": batch.first_seq,
        "lastSeq": batch.last_seq,
        "at": iso(batch.at),
        "events": client_events(batch, contacts),
    }


def wire_receipts(totals: ReceiptTotals) -> dict[str, Any]:
    """The other message on that channel: how far a campaign's messages came.

    It has no number and is not kept; the next one makes up for one that is lost.
    """
    return {
        "tenantId": totals.tenant_id,
        "userId": totals.user_id,
        "campaignId": totals.public_id,
        "numericId": totals.campaign_id,
        "at": iso(totals.at),
        "receipts": {
            "delivered": totals.delivered,
            "read": totals.read,
            "replied": totals.replied,
        },
    }


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as the spec's examples write it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def channel(environment: str, tenant_id: int) -> str:
    """The Redis channel of a tenant's events; pub/sub ignores the database number."""
    return f"{environment}:events:{tenant_id}"
