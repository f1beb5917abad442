"""From the feed to the queues: order, gaps, who gets what."""

from tests.unit.sockets.harness import Bench, steps, stored


def test_events_reach_watchers_in_order_and_once() -> None:
    bench = Bench()
    client = bench.watching(2)
    bench.publish(5, 6)
    bench.publish(3, 4)
    bench.publish(3, 4)
    assert steps(bench.got(client)) == [(2, 3), (3, 4), (4, 5), (5, 6)]


def test_an_event_between_watching_and_the_snapshot_comes_once() -> None:
    bench = Bench()
    client = bench.client()
    key = (1, 7)
    bench.hub.watch(client, key, "CAMP-7", 1)
    client.campaigns.add(key)
    bench.publish(4, 6)  # the snapshot read next holds 5
    client.sent[key] = 5
    bench.hub.baseline(key, 5)
    assert steps(bench.got(client)) == [(5, 6)]


def test_a_late_event_is_read_from_the_database_after_the_wait() -> None:
    bench = Bench(reorder_seconds=1.0)
    client = bench.watching(2)
    bench.publish(5, 5)
    bench.clock.now += 0.5
    bench.hub.tick()
    assert bench.got(client) == []
    bench.clock.now += 0.6
    bench.stored = stored(1, 5)
    bench.hub.tick()
    bench.drain_gaps()
    assert steps(bench.got(client)) == [(2, 3), (3, 4), (4, 5)]


def test_after_the_feed_was_away_what_it_missed_is_read() -> None:
    bench = Bench()
    client = bench.watching(2)
    bench.stored = stored(1, 4)
    bench.hub.heard()
    bench.drain_gaps()
    assert steps(bench.got(client)) == [(2, 3), (3, 4)]


def test_a_feed_that_came_back_before_the_snapshot_is_made_up_for() -> None:
    bench = Bench()
    client = bench.client()
    key = (1, 7)
    bench.hub.watch(client, key, "CAMP-7", 1)
    client.campaigns.add(key)
    bench.hub.heard()
    client.sent[key] = 2
    bench.stored = stored(1, 3)
    bench.hub.baseline(key, 2)
    bench.drain_gaps()
    assert steps(bench.got(client)) == [(2, 3)]


def test_events_that_are_gone_become_a_snapshot() -> None:
    bench = Bench(reorder_seconds=0.0)
    client = bench.watching(2)
    bench.publish(9, 9)
    bench.stored = stored(7, 9)
    bench.hub.tick()
    bench.drain_gaps()
    assert bench.got(client) == []
    assert bench.talk.resyncs == [(1, 7)]


def test_a_database_that_is_away_is_asked_again() -> None:
    bench = Bench(reorder_seconds=1.0)
    client = bench.watching(2)
    bench.publish(4, 4)
    bench.hub._load_events = lambda *_: (_ for _ in ()).throw(OSError())
    bench.clock.now += 2
    bench.hub.tick()
    bench.drain_gaps()
    bench.hub._load_events = lambda *_: stored(3, 4)
    bench.clock.now += 2
    bench.hub.tick()
    bench.drain_gaps()
    assert steps(bench.got(client)) == [(2, 3), (3, 4)]


def test_a_filled_gap_of_any_size_ends_nobody() -> None:
    bench = Bench(queue_events=10)
    client = bench.watching(0)
    bench.stored = stored(1, 4000)
    bench.hub.heard()
    bench.drain_gaps()
    bench.publish(4001, 4005)
    assert len(bench.got(client)) == 4005


def test_a_follower_gets_all_campaigns_of_the_user_once() -> None:
    bench = Bench()
    client = bench.watching(0)
    client.follows = True
    bench.hub.follow(client, (1, 1))
    bench.publish(1, 1)
    bench.publish(1, 2, campaign=8)
    assert [m["campaignId"] for m in bench.got(client)] == ["CAMP-7", "CAMP-8", "CAMP-8"]


def test_a_follower_waits_for_the_start_of_a_campaign_nobody_knew() -> None:
    bench = Bench(reorder_seconds=1.0)
    client = bench.client()
    client.follows = True
    bench.hub.follow(client, (1, 1))
    bench.publish(12, 12)
    bench.publish(11, 11)
    assert bench.got(client) == []
    bench.clock.now += 1.1
    bench.hub.tick()
    assert steps(bench.got(client)) == [(10, 11), (11, 12)]


def test_nobody_gets_another_tenants_events() -> None:
    bench = Bench()
    foreign = bench.watching(0, tenant=2)
    bench.publish(1, 1, tenant=1)
    assert bench.got(foreign) == []
    bench.hub.receive(2, b'{"tenantId":1,"numericId":7,"at":"","events":[]}')
    assert bench.got(foreign) == []


def test_viewers_see_masked_phones() -> None:
    bench = Bench()
    viewer = bench.watching(0, user=2, role="viewer")
    operator = bench.watching(0)
    bench.publish(1, 1)
    assert bench.got(viewer)[0]["data"]["phone"] == "5511*****4321"
    assert bench.got(operator)[0]["data"]["phone"] == "5511987654321"


def test_limits_per_process_user_and_tenant() -> None:
    bench = Bench(sockets_per_process=7, sockets_per_user=2, sockets_per_tenant=3)
    first = bench.client()
    bench.client()
    spare = Bench().client()
    assert bench.hub.admit(spare)
    assert spare.identity is not None
    assert not bench.hub.identify(spare, spare.identity)
    bench.hub.leave(first)
    assert bench.hub.identify(spare, spare.identity)


def test_everything_is_forgotten_when_a_socket_leaves() -> None:
    bench = Bench()
    client = bench.watching(0)
    client.follows = True
    bench.hub.follow(client, (1, 1))
    assert bench.hub.stats() == {
        "totalConnections": 1,
        "subscribedUsers": 1,
        "subscribedCampaigns": 1,
    }
    bench.hub.leave(client)
    assert set(bench.hub.stats().values()) == {0}
    assert not bench.hub._watches
    assert not bench.hub._by_tenant
    assert not bench.hub._by_user


def test_subscriptions_of_a_socket_are_bounded() -> None:
    bench = Bench(subscriptions_per_socket=2)
    client = bench.client()
    assert bench.hub.watch(client, (1, 1), "CAMP-1", 1)
    assert bench.hub.watch(client, (1, 2), "CAMP-2", 1)
    assert bench.hub.watch(client, (1, 2), "CAMP-2", 1)
    assert not bench.hub.watch(client, (1, 3), "CAMP-3", 1)


def test_receipts_reach_watchers_and_followers_of_their_tenant_once() -> None:
    bench = Bench()
    watcher, follower = bench.watching(2), bench.client()
    bench.hub.follow(follower, (1, 1))
    bench.hub.follow(watcher, (1, 1))
    follower.follows = watcher.follows = True
    stranger = bench.watching(2, tenant=2, user=2)
    bench.count(5)
    told = {
        "type": "campaign_receipts",
        "campaignId": "CAMP-7",
        "data": {"delivered": 5, "read": 1, "replied": 0},
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    assert bench.got(watcher) == [told]
    assert bench.got(follower) == [told]
    assert bench.got(stranger) == []


def test_receipts_of_a_campaign_nobody_watches_are_not_remembered() -> None:
    bench = Bench()
    bench.watching(0)
    bench.count(5, campaign=8)
    assert bench.hub.stats()["subscribedCampaigns"] == 1
