"""The WebSocket as a client meets it: real gunicorn, PostgreSQL, Valkey and sockets."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from .conftest import CANARY, ENVIRONMENT, PHONE, Server, World, end_of, hear, running, say


def subscribed(server: Server, world: World, **who: Any) -> tuple[Any, int, str]:
    campaign_id, public_id = world.new_campaign()
    client = server.signed_in(world, **who)
    say(client, type="subscribe_campaign", campaignId=public_id)
    assert hear(client)["type"] == "subscribed"
    return client, campaign_id, public_id


def test_ping_is_answered_before_authentication(server: Server, world: World) -> None:
    client = server.connect()
    say(client, type="ping")
    assert hear(client) == {"type": "pong"}
    say(client, type="subscribe_campaign", campaignId="CAMP-1")
    assert hear(client)["code"] == "unauthenticated"


def test_who_does_not_authenticate_is_closed(server: Server) -> None:
    assert end_of(server.connect()) == 4401


def test_a_ticket_works_once(server: Server, world: World) -> None:
    ticket = world.ticket()
    first = server.connect(f"?ticket={ticket}")
    assert hear(first) == {"type": "authenticated", "userId": world.user_id}
    second = server.connect()
    say(second, type="auth", ticket=ticket)
    assert hear(second)["code"] == "invalid_ticket"
    assert end_of(second) == 4401


def test_a_ticket_of_an_ended_session_is_refused(server: Server, world: World) -> None:
    client = server.connect()
    say(client, type="auth", ticket=world.ticket(epoch=99))
    assert end_of(client) == 4401


def test_a_snapshot_then_the_events_after_it(server: Server, world: World) -> None:
    campaign_id, public_id = world.new_campaign()
    world.store(campaign_id, "campaign_created", "campaign_started")
    client = server.signed_in(world)
    say(client, type="subscribe_campaign", campaignId=campaign_id)
    answer = hear(client)
    assert (answer["type"], answer["campaignId"], answer["seq"]) == ("subscribed", public_id, 2)
    expected = {
        "campaign_id": public_id, "status": "running", "total_contacts": 100, "sent_count": 0,
        "error_count": 0, "in_doubt_count": 0, "skipped_count": 0, "cancelled_count": 0,
        "processed_count": 0, "progress_percentage": 0.0, "health_score": 100, "last_seq": 2,
        "messages_per_minute": 0, "estimated_seconds_remaining": None,
    }  # fmt: skip
    assert {key: answer["metrics"].get(key, "missing") for key in expected} == expected
    world.happen(campaign_id, public_id, "message_sent")
    update = hear(client)
    assert update.pop("timestamp").endswith("Z")
    assert update == {
        "type": "campaign_update", "campaignId": public_id, "seq": 3, "prevSeq": 2,
        "data": {"event": "message_sent", "contactName": CANARY, "phone": PHONE,
                 "messageText": f"Oi {CANARY}"},
    }  # fmt: skip


def test_unknown_and_foreign_campaigns_answer_alike(server: Server, world: World) -> None:
    tenant = world.new_tenant()
    foreign_id, foreign = world.new_campaign(tenant_id=tenant, user_id=world.new_user(tenant))
    client = server.signed_in(world)
    answers = []
    for given in ("CAMP-nothing", foreign, foreign_id):
        say(client, type="subscribe_campaign", campaignId=given)
        answers.append(hear(client))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["code"] == "not_found"


def test_late_and_repeated_batches_come_in_order_once(server: Server, world: World) -> None:
    client, campaign_id, public_id = subscribed(server, world)
    first = world.store(campaign_id, "message_sent", "message_sent")
    second = world.store(campaign_id, "message_sent")
    world.tell(second, first, first, second, public_id=public_id)
    assert [(m["prevSeq"], m["seq"]) for m in (hear(client), hear(client), hear(client))] == [
        (0, 1), (1, 2), (2, 3),
    ]  # fmt: skip
    assert client.receive(0.3) is None


def test_a_batch_that_never_came_is_read_from_the_database(server: Server, world: World) -> None:
    client, campaign_id, public_id = subscribed(server, world)
    world.store(campaign_id, "message_sent", "message_error")
    world.happen(campaign_id, public_id, "message_sent")
    assert [hear(client)["seq"] for _ in range(3)] == [1, 2, 3]


def test_what_redis_lost_is_read_after_a_reconnect(server: Server, world: World) -> None:
    client, campaign_id, _ = subscribed(server, world)
    world.store(campaign_id, "message_sent")
    world.redis.client_kill_filter(_type="pubsub")
    assert hear(client)["seq"] == 1


def test_a_burst_ends_nobody_who_reads(server: Server, world: World) -> None:
    client, campaign_id, public_id = subscribed(server, world)
    batches = [world.store(campaign_id, *["message_sent"] * 10) for _ in range(60)]
    world.tell(*batches, public_id=public_id)
    assert [hear(client)["seq"] for _ in range(600)] == list(range(1, 601))


def test_resume_replays_what_is_kept(server: Server, world: World) -> None:
    campaign_id, public_id = world.new_campaign()
    world.store(campaign_id, *["message_sent"] * 4)
    client = server.signed_in(world)
    say(client, type="resume", campaignId=public_id, afterSeq=1)
    assert hear(client) == {"type": "resumed", "campaignId": public_id, "afterSeq": 1, "seq": 4}
    assert [(m["prevSeq"], m["seq"]) for m in (hear(client), hear(client), hear(client))] == [
        (1, 2), (2, 3), (3, 4),
    ]  # fmt: skip
    world.happen(campaign_id, public_id, "message_sent")
    assert hear(client)["prevSeq"] == 4


def test_resume_from_what_is_gone_gives_a_snapshot(server: Server, world: World) -> None:
    campaign_id, public_id = world.new_campaign()
    world.store(campaign_id, "message_sent")
    world.store(campaign_id, "message_sent")
    world.conn.execute(
        "DELETE FROM campaign_events WHERE campaign_id = %s AND last_seq = 1", (campaign_id,)
    )
    client = server.signed_in(world)
    say(client, type="resume", campaignId=public_id, afterSeq=0)
    answer = hear(client)
    assert (answer["type"], answer["seq"]) == ("snapshot", 2)
    assert answer["reason"] == "replay_unavailable"
    world.happen(campaign_id, public_id, "message_sent")
    assert hear(client)["prevSeq"] == 2


def test_a_user_hears_all_own_campaigns_and_nobody_elses(server: Server, world: World) -> None:
    campaign_id, public_id = world.new_campaign()
    world.store(campaign_id, "campaign_created")
    client = server.signed_in(world)
    say(client, type="subscribe_user", userId=str(world.user_id))
    answer = hear(client)
    assert (answer["type"], answer["userId"]) == ("subscribed", world.user_id)
    assert answer["campaigns"][0] == {
        "campaignId": public_id, "id": campaign_id, "status": "running", "seq": 1,
    }  # fmt: skip
    world.happen(campaign_id, public_id, "message_sent")
    assert (update := hear(client))["campaignId"] == public_id
    assert update["prevSeq"] == 1
    new_id, new_public = world.new_campaign()
    world.happen(new_id, new_public, "campaign_created")
    assert hear(client)["campaignId"] == new_public
    say(client, type="unsubscribe_user", userId=world.user_id)
    assert hear(client)["type"] == "unsubscribed"
    world.happen(new_id, new_public, "message_sent")
    assert client.receive(0.3) is None


def test_another_users_id_is_refused_and_written_down(server: Server, world: World) -> None:
    client = server.signed_in(world)
    say(client, type="subscribe_user", userId=world.user_id + 1)
    assert hear(client)["code"] == "forbidden_user"
    row = world.conn.execute(
        "SELECT action, subject FROM audit_log WHERE actor = %s ORDER BY audit_id DESC LIMIT 1",
        (f"user:{world.user_id}",),
    ).fetchone()
    assert row == ("socket.foreign_user_refused", f"user:{world.user_id + 1}")


def test_unsubscribed_campaigns_are_silent(server: Server, world: World) -> None:
    client, campaign_id, public_id = subscribed(server, world)
    say(client, type="unsubscribe_campaign", campaignId=public_id)
    assert hear(client) == {"type": "unsubscribed", "campaignId": public_id}
    world.happen(campaign_id, public_id, "message_sent")
    assert client.receive(0.3) is None


def test_viewers_get_masked_phones(server: Server, world: World) -> None:
    client, campaign_id, public_id = subscribed(server, world, role="viewer")
    world.happen(campaign_id, public_id, "message_sent")
    assert hear(client)["data"]["phone"] == "5511*****0000"


@pytest.mark.parametrize("message", ["{", "[]", "1", '{"type":7}', '{"type":"launch"}', "ü"])
def test_five_errors_end_the_socket(server: Server, message: str) -> None:
    client = server.connect()
    for _ in range(5):
        client.send(message)
    assert [hear(client)["type"] for _ in range(5)] == ["error"] * 5
    assert end_of(client) == 1008


@pytest.mark.parametrize("size", [16 * 1024 + 1, 100_000])
def test_an_oversize_message_ends_the_socket(server: Server, size: int) -> None:
    client = server.connect()
    client.send("x" * size)
    assert end_of(client) == 1009


def test_too_many_messages_are_refused(server: Server) -> None:
    client = server.connect()
    for _ in range(21):
        say(client, type="ping")
    assert [hear(client)["type"] for _ in range(21)] == ["pong"] * 20 + ["error"]


def raw_handshake(server: Server, query: str, *more: str) -> tuple[socket.socket, bytes]:
    sock = socket.create_connection(("127.0.0.1", server.port))
    lines = [
        f"GET /ws{query} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *more,
    ]  # fmt: skip
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return sock, sock.recv(500)


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://localhost:1"])
def test_foreign_pages_are_refused(server: Server, origin: str) -> None:
    sock, answer = raw_handshake(server, "", f"Origin: {origin}")
    sock.close()
    assert answer.startswith(b"HTTP/1.1 403")


def test_our_pages_are_served(server: Server) -> None:
    developing = "http://localhost:5173"  # another server on this machine, as for REST
    for origin in ("https://app.example.com", f"http://localhost:{server.port}", developing):
        client = server.connect(Origin=origin)
        say(client, type="ping")
        assert hear(client) == {"type": "pong"}


def test_compression_is_never_agreed_to(server: Server) -> None:
    sock, answer = raw_handshake(server, "", "Sec-WebSocket-Extensions: permessage-deflate")
    assert b"101" in answer
    assert b"permessage" not in answer.lower()
    sock.close()


def test_no_banner_and_bounded_headers(server: Server) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health", timeout=5) as answer:
        assert "Server" not in answer.headers
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/{'x' * 5000}", timeout=5)
    refused.value.close()
    assert refused.value.code in {400, 414}


def test_a_reader_that_stalls_is_ended_and_delays_nobody(server: Server, world: World) -> None:
    quick, campaign_id, public_id = subscribed(server, world)
    stuck, _ = raw_handshake(server, f"?ticket={world.ticket()}")
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = json.dumps({"type": "subscribe_campaign", "campaignId": public_id}).encode()
    stuck.sendall(bytes((0x81, 0x80 | len(body), 0, 0, 0, 0)) + body)
    time.sleep(0.3)
    assert server.health()["totalConnections"] == 2
    text = "x" * 60_000
    slowest, before = 0.0, time.monotonic()
    count = 0
    while server.health()["totalConnections"] == 2 and time.monotonic() - before < 12:
        batch = world.store(campaign_id, "message_sent")
        batch.events[0]["padding"] = text
        sent_at = time.monotonic()
        world.tell(batch, public_id=public_id)
        assert hear(quick)["seq"] == batch.first_seq
        slowest = max(slowest, time.monotonic() - sent_at)
        count += 1
    assert server.health()["totalConnections"] == 1
    assert slowest < 0.5, f"{slowest:.2f} s of {count}"
    stuck.close()


def test_a_slow_socket_is_closed_1013_and_the_others_get_everything(world: World) -> None:
    limits = {
        "RAPIDFLOW_GATEWAY__SOCKETS_PER_USER": "40",
        "RAPIDFLOW_GATEWAY__QUEUE_EVENTS": "20",
        "RAPIDFLOW_GATEWAY__STALL_SECONDS": "600",
    }
    with running(world, "gateway", **limits) as server:
        campaign_id, public_id = world.new_campaign()
        others = [server.signed_in(world) for _ in range(10)]
        for other in others:
            say(other, type="subscribe_campaign", campaignId=public_id)
            assert hear(other)["type"] == "subscribed"
        slow, head = raw_handshake(server, f"?ticket={world.ticket()}")
        body = json.dumps({"type": "subscribe_campaign", "campaignId": public_id}).encode()
        slow.sendall(bytes((0x81, 0x80 | len(body), 0, 0, 0, 0)) + body)
        while server.health()["subscribedCampaigns"] != 1 or b"101" not in head:
            pass
        time.sleep(0.3)
        for number in range(1, 151):
            batch = world.store(campaign_id, "message_sent")
            batch.events[0]["padding"] = "x" * 60_000
            world.tell(batch, public_id=public_id)
            assert [hear(other)["seq"] for other in others] == [number] * len(others)
        # Everybody else has all 150; the slow one now reads what was written, and its end.
        slow.settimeout(10)
        last = b""
        while received := slow.recv(65536):
            last = (last + received)[-64:]
        slow.close()
        assert bytes((0x88,)) + bytes((len(b"slow") + 2,)) + (1013).to_bytes(2, "big") in last


def test_one_that_goes_without_goodbye_is_forgotten(server: Server, world: World) -> None:
    sock, _ = raw_handshake(server, f"?ticket={world.ticket()}")
    time.sleep(0.2)
    open_before = server.health()["totalConnections"]
    sock.close()
    time.sleep(0.3)
    assert server.health()["totalConnections"] == open_before - 1


@pytest.mark.parametrize("service", ["gateway", "server"])
def test_at_shutdown_every_client_hears_1012(service: str, world: World) -> None:
    with running(world, service) as server:
        clients = [server.connect() for _ in range(5)]
        clients += [server.signed_in(world) for _ in range(3)]
        asked_at = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert [end_of(client) for client in clients] == [1012] * 8
        assert server.process.wait(10) == 0
        assert time.monotonic() - asked_at < 6


def test_limits_of_user_and_process(world: World) -> None:
    limits = {
        "RAPIDFLOW_GATEWAY__SOCKETS_PER_USER": "2",
        "RAPIDFLOW_GATEWAY__SOCKETS_PER_PROCESS": "3",
    }
    with running(world, "gateway", **limits) as server:
        server.signed_in(world)
        server.signed_in(world)
        third = server.connect(f"?ticket={world.ticket()}")
        assert hear(third)["code"] == "too_many_sockets"
        assert end_of(third) == 1013
        server.connect()
        assert end_of(server.connect()) == 1013


def test_zz_nothing_private_reached_a_log(world: World) -> None:
    text = "".join(path.read_text() for path in world.log_dir.rglob("*.log"))
    assert "event_feed_active" in text
    assert PHONE not in text
    assert CANARY not in text
    assert "ticket=" not in text.replace("ticket=***", "")
    for line in text.splitlines():
        json.loads(line)
    assert ENVIRONMENT not in text
