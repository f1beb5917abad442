"""Apply stored provider webhooks: receipts, evidence, replies, opt-outs, connection changes.

Webhooks arrive early, late, twice and out of order, even before the answer to the send that caused
them: what matches nothing yet is held and joined again.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from shared.db import open_sends
from shared.db import receipts as rows
from shared.db.events import StoredEvents
from shared.db.pool import Row, connection
from shared.db.receipts import Ack, InboxEntry
from shared.domain.opt_out import is_opt_out
from shared.domain.phone import phone_of_jid
from shared.observability import metrics
from shared.observability.logging import get_logger
from worker.deps import Deps
from worker.evidence import matches_open_send, settle_as_sent

log = get_logger(__name__)

_BATCH = 500
# Baileys' words and, from the Cloud API, Meta's (evolution-api.md, sections 7 and 8).
_RANKS = {
    "ERROR": 0,
    "FAILED": 0,
    "SERVER_ACK": 1,
    "SENT": 1,
    "DELIVERY_ACK": 2,
    "DELIVERED": 2,
    "READ": 3,
    "PLAYED": 3,
}
_CONNECTION = {"connection.update", "status.instance", "logout.instance", "remove.instance"}
_APPLIED, _KNOWN, _IGNORED, _UNMATCHED = "applied", "known", "ignored", "unmatched"


def apply_inbox(deps: Deps) -> int:
    """Apply what is due, batch by batch; returns how many webhooks were settled."""
    settled = 0
    while True:
        told: list[StoredEvents] = []
        with connection(deps.pool) as conn:
            entries = rows.claim_inbox(conn, limit=_BATCH)
            if entries:
                settled += _apply(conn, deps, entries, told)
        deps.outlet.tell(told)
        if len(entries) < _BATCH:
            return settled


def _apply(
    conn: Connection[Row], deps: Deps, entries: Sequence[InboxEntry], told: list[StoredEvents]
) -> int:
    """Outcome None means: hold it and look again."""
    outcomes: dict[int, str | None] = _apply_acks(conn, entries)
    for entry in entries:
        if entry.inbox_id not in outcomes:
            outcomes[entry.inbox_id] = _apply_one(conn, deps, entry, told)
    hold = deps.settings.sweep.inbox_hold_seconds
    settled: list[tuple[InboxEntry, str]] = []
    held: list[InboxEntry] = []
    for entry in entries:
        outcome = outcomes[entry.inbox_id]
        if outcome is not None:
            settled.append((entry, outcome))
        elif entry.age_seconds > hold:
            settled.append((entry, _UNMATCHED))
        else:
            held.append(entry)
    rows.settle_inbox(conn, settled)
    rows.hold_inbox(conn, held)
    for _, outcome in settled:
        metrics.record_receipts(outcome)
    return len(settled)


def _apply_acks(conn: Connection[Row], entries: Sequence[InboxEntry]) -> dict[int, str | None]:
    """All receipts of the batch in one statement; unmatched ones bring a doubt's look forward."""
    acks = {
        entry.inbox_id: ack
        for entry in entries
        if entry.event == "messages.update" and (ack := _ack_of(entry)) is not None
    }
    if not acks:
        return {}
    matched = rows.apply_receipts(conn, list(acks.values()))
    outcomes: dict[int, str | None] = {}
    for entry in entries:
        found = acks.get(entry.inbox_id)
        if found is None:
            continue
        known = (found.instance_id, found.provider_id) in matched
        outcomes[entry.inbox_id] = _APPLIED if known else None
        phone = phone_of_jid(str(entry.body.get("remoteJid") or ""))
        if not known and phone:
            open_sends.look_now(conn, entry.tenant_id, entry.instance_id, phone)
    return outcomes


def _ack_of(entry: InboxEntry) -> Ack | None:
    body = entry.body
    if not isinstance(body, dict):
        return None
    rank = _RANKS.get(str(body.get("status")))
    key_id = body.get("keyId")
    return Ack(entry.instance_id, str(key_id), rank) if rank is not None and key_id else None


def _apply_one(
    conn: Connection[Row], deps: Deps, entry: InboxEntry, told: list[StoredEvents]
) -> str | None:
    body = entry.body if isinstance(entry.body, dict) else {}
    if entry.event == "send.message":
        return _apply_send(conn, deps, entry, body, told)
    if entry.event == "messages.upsert":
        return _apply_inbound(conn, entry, body)
    if entry.event in {
        "connection.update",
        "status.instance",
        "logout.instance",
        "remove.instance",
    }:
        return _apply_connection(conn, entry, body)
    return _IGNORED


def _apply_send(
    conn: Connection[Row],
    deps: Deps,
    entry: InboxEntry,
    body: dict[str, Any],
    told: list[StoredEvents],
) -> str | None:
    """Our own send, told by the provider: known already, or the evidence a doubt waits for."""
    key = body.get("key") or {}
    provider_id, jid = str(key.get("id") or ""), str(key.get("remoteJid") or "")
    if not provider_id:
        return _IGNORED
    if open_sends.owned(conn, entry.instance_id, [provider_id]):
        return _KNOWN
    phone = phone_of_jid(jid)
    send = (
        open_sends.find_by_phone(conn, entry.tenant_id, entry.instance_id, phone) if phone else None
    )
    if send is None or not send.in_doubt:
        return None  # the answer to the send is still on its way, or it never was ours
    if not matches_open_send(deps, send, _text_of(body), float(body.get("messageTimestamp") or 0)):
        return _IGNORED
    attempt = (send.tenant_id, send.campaign_id, send.position, send.attempt)
    told.extend(settle_as_sent(conn, deps, attempt, provider_id, jid))
    return _APPLIED


def _apply_inbound(conn: Connection[Row], entry: InboxEntry, body: dict[str, Any]) -> str:
    """An answer from a contact: counted, and an opt-out is obeyed."""
    key = body.get("key") or {}
    jid = str(key.get("remoteJid") or "")
    phone = phone_of_jid(jid) or phone_of_jid(str(key.get("remoteJidAlt") or ""))
    if key.get("fromMe") or not phone:
        return _IGNORED
    if is_opt_out(_text_of(body)) and rows.suppress(conn, entry.tenant_id, phone):
        log.info("opted_out", tenant=entry.tenant_id)
    return (
        _APPLIED if rows.record_reply(conn, entry.tenant_id, entry.instance_id, phone) else _KNOWN
    )


def _apply_connection(conn: Connection[Row], entry: InboxEntry, body: dict[str, Any]) -> str:
    """Events of a connection overtake each other: this one only has Evolution asked again."""
    reason = body.get("statusReason") or body.get("disconnectionReasonCode")
    rows.note_connection(
        conn,
        entry.tenant_id,
        entry.instance_id,
        reason=str(reason) if reason is not None else None,
        owner_phone=phone_of_jid(str(body.get("wuid") or "")),
    )
    return _APPLIED


def _text_of(body: dict[str, Any]) -> str:
    message = body.get("message") or {}
    text = message.get("conversation") or (message.get("imageMessage") or {}).get("caption")
    return str(text or "")
