"""A client's queue: merged progress, overflow, what is dropped."""

from tests.unit.sockets.harness import Bench, steps


def test_progress_is_merged_and_leaves_no_gap() -> None:
    bench = Bench()
    client = bench.watching(0)
    bench.publish(1, 1)
    bench.publish(2, 2, event="progress")
    bench.publish(3, 3)
    bench.publish(4, 4, event="progress")
    messages = bench.got(client)
    assert steps(messages) == [(0, 1), (1, 3), (3, 4)]
    assert messages[-1]["data"]["event"] == "progress"
    bench.publish(5, 5, event="progress")
    assert steps(bench.got(client)) == [(4, 5)]


def test_progress_alone_never_overflows() -> None:
    bench = Bench(queue_events=8)
    client = bench.watching(0)
    for seq in range(1, 2000):
        bench.publish(seq, seq, event="progress")
    assert len(client._queue) <= 20
    assert steps(bench.got(client)) == [(0, 1999)]


def test_of_receipts_only_the_newest_waits_and_numbers_go_on() -> None:
    bench = Bench(queue_events=8)
    client = bench.watching(0)
    for delivered in range(1, 500):
        bench.count(delivered)
    bench.publish(1, 1)
    receipts, update = bench.got(client)
    assert receipts["data"]["delivered"] == 499
    assert (update["prevSeq"], update["seq"]) == (0, 1)
    client.campaigns.clear()
    bench.count(500)
    assert bench.got(client) == []


def test_one_that_does_not_keep_up_is_ended_and_no_other() -> None:
    bench = Bench(queue_events=8)
    slow, quick = bench.watching(0), bench.watching(0)
    for seq in range(1, 20):
        bench.publish(seq, seq)
        bench.got(quick)
    assert slow._ending == (1013, "slow")
    assert quick._ending is None


def test_what_was_unsubscribed_is_not_sent() -> None:
    bench = Bench()
    client = bench.watching(0)
    bench.publish(1, 1)
    client.campaigns.clear()
    assert bench.got(client) == []


def test_frames_are_rendered_once_for_all() -> None:
    bench = Bench()
    one, two = bench.watching(0), bench.watching(0)
    bench.publish(1, 1)
    one._flush(bench.talk)
    two._flush(bench.talk)
    assert one._connection.written[0] is two._connection.written[0]  # type: ignore[attr-defined]


def test_messages_in_ten_seconds_are_counted() -> None:
    client = Bench(messages_per_10_seconds=3).client()
    assert [client.may_speak() for _ in range(5)] == [True, True, True, False, False]
