"""Apply stored provider webhooks: receipts, evidence, replies, opt-outs, connection changes.

Webhooks arrive early, late, twice and out of order, even before the answer to the send that caused
them: what matches nothing yet is held and joined again.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from shared.db import circuits, doubts, open_sends, suppressions
from shared.db import receipts as rows
from shared.db.events import StoredEvents
from shared.db.open_sends import OpenSend
from shared.db.pool import Row, connection
from shared.db.receipts import Ack, Heard, InboxEntry
from shared.domain.opt_out import is_opt_out
from shared.domain.phone import phone_of_jid
from shared.errors import TemporarilyUnavailable
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.evolution import has_image, text_of, unix_seconds
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
        entries, outcomes = _apply_many(deps)
        settled += len(outcomes)
        for entry in entries:
            if entry.inbox_id not in outcomes and entry.event != "messages.update":
                settled += _apply_alone(deps, entry)
        if len(entries) < _BATCH:
            return settled


def _apply_many(deps: Deps) -> tuple[list[InboxEntry], dict[int, str]]:
    """What can be applied with a few statements for all: receipts, and sends we know of.

    Everything else is put off for a moment, so that whoever dies over it leaves it to the next run.
    """
    told: list[StoredEvents] = []
    heard: list[Heard] = []
    with connection(deps.pool) as conn:
        entries = rows.claim_inbox(conn, limit=_BATCH)
        if not entries:
            return [], {}
        outcomes = {**_apply_acks(conn, deps, entries, told, heard), **_known_sends(conn, entries)}
        hold = deps.settings.sweep.inbox_hold_seconds
        for entry in entries:
            if entry.inbox_id not in outcomes and entry.age_seconds > hold:
                outcomes[entry.inbox_id] = _UNMATCHED
        rows.settle_inbox(
            conn,
            [(entry, outcomes[entry.inbox_id]) for entry in entries if entry.inbox_id in outcomes],
        )
        rows.hold_inbox(conn, [entry for entry in entries if entry.inbox_id not in outcomes])
        failpoint("receipts_before_commit")
    deps.outlet.tell(told)
    deps.outlet.tell_receipts(
        {(one.tenant_id, one.campaign_id) for one in heard if one.news not in (None, "refused")}
    )
    _count(outcomes, heard)
    return entries, outcomes


def _count(outcomes: Mapping[int, str], heard: Sequence[Heard]) -> None:
    for outcome, count in Counter(outcomes.values()).items():
        metrics.record_webhooks(outcome, count)
    for one in heard:
        if one.news is not None and one.age_seconds is not None:
            metrics.record_receipt(one.news, one.age_seconds)


def _apply_alone(deps: Deps, entry: InboxEntry) -> bool:
    """One webhook in a transaction of its own; one of an unknown shape harms no other."""
    told: list[StoredEvents] = []
    answered: set[tuple[int, int]] = set()
    try:
        with connection(deps.pool) as conn:
            outcome = _apply_one(conn, deps, entry, told, answered)
            if outcome is not None:
                rows.settle_inbox(conn, [(entry, outcome)])
    except TemporarilyUnavailable:
        raise
    except Exception:
        log.exception("webhook_set_aside", webhook=entry.event, inbox_id=entry.inbox_id)
        outcome = _IGNORED
        with connection(deps.pool) as conn:
            rows.settle_inbox(conn, [(entry, outcome)])
    deps.outlet.tell(told)
    deps.outlet.tell_receipts(answered)
    if outcome is not None:
        metrics.record_webhooks(outcome)
    return outcome is not None


def _apply_acks(
    conn: Connection[Row],
    deps: Deps,
    entries: Sequence[InboxEntry],
    told: list[StoredEvents],
    heard: list[Heard],
) -> dict[int, str]:
    """All receipts of the batch in one statement; an unmatched one has a doubt looked at."""
    acks: dict[int, Ack] = {}
    outcomes: dict[int, str] = {}
    for entry in entries:
        if entry.event == "messages.update":
            ack = _ack_of(entry)
            if ack is None:
                outcomes[entry.inbox_id] = _IGNORED
            else:
                acks[entry.inbox_id] = ack
    refusals = circuits.count_refusals(conn, list(acks.values()))
    heard.extend(rows.apply_receipts(conn, list(acks.values())) if acks else ())
    matched = {(one.instance_id, one.provider_id) for one in heard}
    told.extend(_rest_refused(conn, deps, refusals))
    rows.note_lids(conn, [lid for entry in entries if (lid := _lid_of(entry, acks))])
    for entry in entries:
        found = acks.get(entry.inbox_id)
        if found is None:
            continue
        if (found.instance_id, found.provider_id) in matched:
            outcomes[entry.inbox_id] = _APPLIED
        elif entry.tries == 0 and (phone := phone_of_jid(str(entry.body.get("remoteJid") or ""))):
            open_sends.look_now(conn, entry.tenant_id, entry.instance_id, phone)
    return outcomes


def _lid_of(entry: InboxEntry, acks: Mapping[int, Ack]) -> tuple[int, str, str] | None:
    """The LID a receipt names its recipient by."""
    ack = acks.get(entry.inbox_id)
    jid = str(entry.body.get("remoteJid") or "") if ack else ""
    return (ack.instance_id, ack.provider_id, jid) if ack and jid.endswith("@lid") else None


def _rest_refused(
    conn: Connection[Row], deps: Deps, refusals: Mapping[int, int]
) -> list[StoredEvents]:
    """A number whose sends WhatsApp refuses one after the other seems restricted: it rests."""
    knobs = deps.settings.breaker
    refused = [one for one, count in refusals.items() if count > knobs.refusals_allowed]
    if not refused:
        return []
    opened = circuits.trip(
        conn,
        refused,
        reason="refused_by_whatsapp",
        rest_seconds=knobs.refused_seconds,
        ceiling_seconds=knobs.ceiling_seconds,
        longer=True,
    )
    for circuit in opened:
        metrics.record_breaker(circuit.state)
        log.warning("number_seems_restricted", instance=circuit.name)
    return circuits.tell(conn, opened)


def _known_sends(conn: Connection[Row], entries: Sequence[InboxEntry]) -> dict[int, str]:
    """Sends whose answer reached us too: nothing is left to learn from them."""
    by_instance: dict[int, list[InboxEntry]] = defaultdict(list)
    for entry in entries:
        if entry.event == "send.message":
            by_instance[entry.instance_id].append(entry)
    outcomes = {}
    for instance_id, sends in by_instance.items():
        owned = open_sends.owned(conn, instance_id, [_key_of(entry)[0] for entry in sends])
        outcomes.update({one.inbox_id: _KNOWN for one in sends if _key_of(one)[0] in owned})
    return outcomes


def _key_of(entry: InboxEntry) -> tuple[str, str]:
    """(message id, JID) of an event that carries a message; empty where it has none."""
    key = entry.body.get("key") if isinstance(entry.body, dict) else None
    if not isinstance(key, dict):
        return "", ""
    return str(key.get("id") or ""), str(key.get("remoteJid") or "")


def _ack_of(entry: InboxEntry) -> Ack | None:
    body = entry.body
    if not isinstance(body, dict):
        return None
    rank = _RANKS.get(str(body.get("status")))
    key_id = body.get("keyId")
    return Ack(entry.instance_id, str(key_id), rank) if rank is not None and key_id else None


def _apply_one(
    conn: Connection[Row],
    deps: Deps,
    entry: InboxEntry,
    told: list[StoredEvents],
    answered: set[tuple[int, int]],
) -> str | None:
    body = entry.body if isinstance(entry.body, dict) else {}
    if entry.event == "send.message":
        return _apply_send(conn, deps, entry, body, told)
    if entry.event == "messages.upsert":
        return _apply_inbound(conn, deps, entry, body, answered)
    if entry.event in _CONNECTION:
        return _apply_connection(conn, entry, body)
    return _IGNORED


def _apply_send(
    conn: Connection[Row],
    deps: Deps,
    entry: InboxEntry,
    body: dict[str, Any],
    told: list[StoredEvents],
) -> str | None:
    """A send whose answer did not reach us (yet): the evidence a doubt waits for."""
    provider_id, jid = _key_of(entry)
    if not provider_id:
        return _IGNORED
    text, at = text_of(body), unix_seconds(body.get("messageTimestamp"))
    send = _send_of(conn, deps, entry, jid, text, at)
    if send is None:
        return None  # the answer to the send is still on its way, or it never was ours
    if not matches_open_send(deps, send, text, at, has_image=has_image(body)):
        return _IGNORED
    attempt = (send.tenant_id, send.campaign_id, send.position, send.attempt)
    told.extend(settle_as_sent(conn, deps, attempt, provider_id, jid))
    return _APPLIED


def _send_of(
    conn: Connection[Row], deps: Deps, entry: InboxEntry, jid: str, text: str, at_unix: float
) -> OpenSend | None:
    """The doubt this event may be about, or a message that was decided without evidence.

    A hidden id (`@lid`) that was never seen names no phone: there the text must be one that nobody
    else was being sent.
    """
    where = (conn, entry.tenant_id, entry.instance_id)
    phone = (
        phone_of_jid(jid)
        or phone_of_jid(str(entry.body["key"].get("remoteJidAlt") or ""))
        or rows.phone_of_lid(*where, jid)
    )
    if phone:
        send = open_sends.find_by_phone(*where, phone)
        if send is None or send.body != text:
            decided = doubts.find_decided(*where, phone, text)
            if decided is not None:
                return decided
    else:
        before = (
            deps.settings.delivery.call_deadline_seconds
            + deps.settings.evidence.clock_tolerance_seconds
        )
        send = open_sends.find_by_text(*where, text, at_unix=at_unix, before=before)
    return send if send is not None and send.in_doubt else None


def _apply_inbound(
    conn: Connection[Row],
    deps: Deps,
    entry: InboxEntry,
    body: dict[str, Any],
    answered: set[tuple[int, int]],
) -> str | None:
    """An answer from a contact: counted, and an opt-out is obeyed."""
    key = body.get("key")
    if not isinstance(key, dict) or key.get("fromMe"):
        return _IGNORED
    jid = _key_of(entry)[1]
    phone = phone_of_jid(jid) or phone_of_jid(str(key.get("remoteJidAlt") or ""))
    opts_out = is_opt_out(text_of(body))
    if jid.endswith("@lid"):
        if phone:
            rows.remember_lid(conn, entry.tenant_id, jid, phone)
        else:
            phone = rows.phone_of_lid(conn, entry.tenant_id, entry.instance_id, jid)
            if not phone and opts_out:
                return None  # a receipt may still tell whose id this is
    if not phone:
        return _IGNORED
    if opts_out and suppressions.add_suppressions(
        conn, entry.tenant_id, [phone], "opt_out", hash_phone=deps.hash_phone
    ):
        log.info("opted_out", tenant_id=entry.tenant_id)
        metrics.record_opt_out()
    campaign = rows.record_reply(conn, entry.tenant_id, entry.instance_id, phone)
    if campaign is None:
        return _KNOWN
    answered.add(campaign)
    metrics.record_reply()
    return _APPLIED


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
