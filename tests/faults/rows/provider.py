"""Evolution hangs, resets, lies, is away, floods; receipts are lost, late, doubled, inverted."""

import time
from typing import Any

from tests.faults.case import Case
from tests.faults.proxy import Mode
from tests.faults.registry import doubt, row


def _misbehave(case: Case, do: dict[str, Any], *, times: int = 3, contacts: int = 24) -> None:
    """A few sends meet the fault; its end is when the last one has."""
    case.rig.sandbox.faults({"match": {"route": "sendText"}, "times": times, "do": do})
    case.campaign(contacts)
    case.max_doubts = times
    case.wait_sent(contacts // 2)
    case.healed()


@row("provider", within=doubt, short=True)
def timeout_after_send(case: Case) -> None:
    """hangs after it has sent (our timeout)"""
    _misbehave(case, {"hang": True, "send": True})


@row("provider", within=doubt)
def timeout_by_lookup(case: Case) -> None:
    """hangs after it has sent, webhooks lost: found by looking"""
    lost = ["SEND_MESSAGE", "MESSAGES_UPDATE"]
    _misbehave(case, {"hang": True, "send": True, "lose_events": lost})


@row("provider", within=doubt)
def hang_without_send(case: Case) -> None:
    """hangs and never sends: stays in doubt, is not resent"""
    _misbehave(case, {"hang": True}, times=2)


@row("provider", within=doubt)
def reset_after_send(case: Case) -> None:
    """resets the connection after it has sent"""
    _misbehave(case, {"reset": True, "send": True})


@row("provider", within=doubt)
def bad_request_after_send(case: Case) -> None:
    """answers 400 after it has sent"""
    _misbehave(case, {"error": "timed_out_400", "send": True, "store": True})


@row("provider", within=doubt)
def bad_request_unsaved(case: Case) -> None:
    """answers 400 after it has sent and saved nothing: stays in doubt"""
    _misbehave(case, {"error": "database_error_after_send"})
    case.provable = False


@row("provider", within=doubt)
def created_without_key(case: Case) -> None:
    """answers 201 with no key after it has sent"""
    body = {"message": "accepted"}
    _misbehave(case, {"status": 201, "body": body, "send": True, "store": True})


@row("provider", within=doubt)
def unreadable_answer(case: Case) -> None:
    """answers 201 with half a body after it has sent"""
    _misbehave(case, {"error": "created_unreadable_body", "store": True})


@row("provider", within=doubt)
def gateway_timeout_after_send(case: Case) -> None:
    """its proxy answers 504 after it has sent"""
    _misbehave(case, {"error": "proxy_504_after_send", "store": True})


@row("provider", within=doubt)
def cut_in_mid_answer(case: Case) -> None:
    """connections cut before the answer, by the network"""
    case.rig.sandbox.tune(latency_ms=20)
    case.rig.evolution.cut_on(b"/message/sendText/", times=4)
    case.campaign(40)
    case.rig.wait(lambda: case.rig.evolution.cuts_left == 0, "nothing was sent")
    case.healed()
    case.max_doubts = 4


@row("provider", within=30)
def provider_away(case: Case) -> None:
    """away for 5 s: nothing leaves, nothing is in doubt"""
    case.rig.sandbox.tune(latency_ms=100)
    case.campaign(60)
    case.wait_sent(6)
    case.rig.evolution.set(Mode.REFUSE)
    time.sleep(5)
    case.rig.evolution.set(Mode.PASS)
    case.healed()
    case.max_doubts = 4  # those in flight when it went


@row("provider", within=doubt)
def provider_frozen(case: Case) -> None:
    """frozen for 5 s, longer than a call may take"""
    case.rig.sandbox.tune(latency_ms=100)
    case.campaign(60)
    case.wait_sent(6)
    case.rig.evolution.set(Mode.FREEZE)
    time.sleep(5)
    case.rig.evolution.set(Mode.PASS)
    case.healed()
    case.max_doubts = None  # each lane's two calls, until its breaker opens


@row("provider", within=15)
def connection_flood(case: Case) -> None:
    """floods of connection events, 200 a second for 5 s"""
    rig = case.rig
    name = rig.instance()
    rig.sandbox.tune(latency_ms=50)
    case.campaign(60, instances=[name])
    case.wait_sent(4)
    answer = rig.sandbox.client.post(
        f"/sandbox/instances/{name}/flood", json={"per_second": 200, "for_ms": 5000}
    )
    assert answer.is_success, answer.text
    time.sleep(5)
    rig.sandbox.set_state(name, state="open")
    case.healed()
    case.settle()
    ((stored,),) = rig.rows(
        "SELECT count(*) FROM provider_inbox AS b"
        "  JOIN instances AS i USING (tenant_id, instance_id)"
        " WHERE b.event = 'connection.update' AND i.name = %s",
        name,
    )
    case.note(f"{stored} connection events kept")
    case.expect(int(str(stored)) < 200, f"{stored} connection events kept")


def _receipts(case: Case, do: dict[str, Any], *, read: int) -> None:
    contacts = 20
    case.rig.sandbox.faults({"match": {"route": "sendText"}, "do": do})
    case.campaign(contacts)
    case.healed()
    case.settle()
    case.rig.wait(lambda: case.count("read") >= read, "receipts were not applied", seconds=20)
    time.sleep(1)
    case.expect(case.count("read") == read, f"{case.count('read')} read, {read} in truth")
    counted, rows = case.count("delivered"), case.rig.rows(
        "SELECT count(*) FROM messages WHERE status IN ('delivered', 'read')"
        " AND campaign_id = ANY(%s)",
        case.ids,
    )  # fmt: skip
    case.expect(counted == int(str(rows[0][0])), "delivered counts differ from the rows")


@row("receipts", within=10)
def receipts_lost(case: Case) -> None:
    """lost"""
    _receipts(case, {"acks": "lost"}, read=0)


@row("receipts", within=10)
def receipts_doubled(case: Case) -> None:
    """doubled"""
    _receipts(case, {"acks": "duplicated"}, read=20)


@row("receipts", within=10)
def receipts_inverted(case: Case) -> None:
    """inverted"""
    _receipts(case, {"acks": "inverted"}, read=20)


@row("receipts", within=10)
def receipts_late(case: Case) -> None:
    """late by 4 s"""
    _receipts(case, {"acks": "late", "late_ms": 4000}, read=20)


@row("receipts", within=10)
def receipts_before_the_answer(case: Case) -> None:
    """before the answer to the send"""
    _receipts(case, {"acks": "before_201"}, read=20)
