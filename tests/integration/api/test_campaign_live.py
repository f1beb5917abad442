"""The close look at one campaign, and the people behind each of its figures."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.domain.curve import bucket_seconds
from tests.integration.api.conftest import Person

Conn = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def campaign(owner: Person, engine_conn: Conn) -> int:
    """Eight contacts, each at another step, on one number; a second one has nothing in hand."""
    number = int(owner.create(8)["campaign"]["id"])
    tenant = owner.tenant.tenant_id
    for name in ("vendas", "suporte"):
        engine_conn.execute(
            "WITH i AS (INSERT INTO instances (tenant_id, public_id, name, adopted, token,"
            " webhook_secret, state) VALUES (%s, %s, %s, true, '', '', 'open') RETURNING *),"
            " l AS (INSERT INTO lanes (tenant_id, instance_id) SELECT tenant_id, instance_id FROM i"
            "  ON CONFLICT DO NOTHING)"
            "INSERT INTO campaign_instances (tenant_id, campaign_id, instance_id)"
            " SELECT tenant_id, %s, instance_id FROM i",
            (tenant, f"p-{name}", name, number),
        )
    steps = [
        "status = 'leased', slot_at = now() + interval '7 s', lease_until = now() + interval '1 m'",
        "status = 'sending', lease_until = now() + interval '1 m'",
        "status = 'sent', sent_at = now()",
        "status = 'sent', sent_at = now(), acked_at = now()",
        "status = 'delivered', sent_at = now(), acked_at = now(), delivered_at = now()",
        "status = 'read', sent_at = now(), acked_at = now(), delivered_at = now(), read_at = now(),"
        " replied_at = now()",
        "status = 'failed', reason = 'not_on_whatsapp'",
    ]
    for position, change in enumerate(steps):
        engine_conn.execute(
            f"UPDATE messages SET {change}, instance_id = (SELECT instance_id FROM instances"  # noqa: S608  our own words
            " WHERE tenant_id = %s AND name = 'vendas') WHERE campaign_id = %s AND position = %s",
            (tenant, number, position),
        )
    engine_conn.execute(
        "UPDATE campaigns SET status = 'running', started_at = now() WHERE campaign_id = %s",
        (number,),
    )
    engine_conn.commit()
    return number


def test_one_answer_holds_steps_numbers_and_sends_over_time(owner: Person, campaign: int) -> None:
    live = owner.get(f"/api/campaigns/{campaign}/live").get_json()["live"]
    stages = {name: live["stages"][name] for name in ("queued", "leased", "sending", "acked")}
    assert stages == {"queued": 1, "leased": 1, "sending": 1, "acked": 3}
    assert live["campaign"]["campaign_id"] == live["metrics"]["campaign_id"]
    busy, idle = live["lanes"]
    assert (busy["name"], busy["in_flight"], busy["leased"], busy["sent"]) == ("vendas", 1, 1, 4)
    assert busy["sent_last_minute"] == 4
    assert busy["next_send_at"] is not None
    assert (idle["name"], idle["in_flight"], idle["waiting_for"]) == ("suporte", 0, "pace")
    assert sum(point["sent"] for point in live["curve"]["points"]) == 4


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        ("UPDATE instances SET state = 'close' WHERE name = 'suporte'", "instance_offline"),
        (
            "UPDATE lanes SET breaker_state = 'open', open_until = now() + interval '1 m' WHERE"
            " instance_id = (SELECT instance_id FROM instances WHERE name = 'suporte')",
            "breaker_open",
        ),
        (
            "UPDATE lanes SET lease_until = now() + interval '1 m' WHERE"
            " instance_id = (SELECT instance_id FROM instances WHERE name = 'suporte')",
            "other_campaign",
        ),
        ("UPDATE campaigns SET status = 'paused'", None),
    ],
)
def test_a_number_says_what_it_waits_for(
    owner: Person, campaign: int, engine_conn: Conn, change: str, waits: str | None
) -> None:
    engine_conn.execute(change)  # type: ignore[call-overload]  # a plain string is fine here
    engine_conn.commit()
    lanes = owner.get(f"/api/campaigns/{campaign}/live").get_json()["live"]["lanes"]
    assert lanes[1]["waiting_for"] == waits


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        ("status=sent,delivered,read", [2, 3, 4, 5]),
        ("stage=acked", [3, 4, 5]),
        ("stage=replied", [5]),
        ("stage=acked&status=read", [5]),
        ("reason=not_on_whatsapp", [6]),
        ("search=pessoa 4", [4]),
        ("search=98000-0002", [2]),
        ("search=100%25", []),
        ("search=%20&reason=not_on_whatsapp", [6]),
    ],
)
def test_every_figure_opens_the_people_behind_it(
    owner: Person, campaign: int, query: str, positions: list[int]
) -> None:
    page = owner.get(f"/api/campaigns/{campaign}/messages?{query}").get_json()["messages"]
    assert [line["position"] for line in page] == positions


def test_who_sees_masked_phones_cannot_search_by_them(
    owner: Person, campaign: int, person: Callable[..., Person]
) -> None:
    viewer = person("viewer", tenant=owner.tenant)
    path = f"/api/campaigns/{campaign}/messages"
    assert viewer.get(f"{path}?search=980000002").get_json()["messages"] == []
    assert len(viewer.get(f"{path}?search=pessoa 2").get_json()["messages"]) == 1


def test_a_list_says_speed_time_left_and_health(owner: Person, campaign: int) -> None:
    listed = owner.get("/api/campaigns").get_json()["campaigns"][0]
    metrics = owner.get(f"/api/campaigns/{campaign}/metrics").get_json()["metrics"]
    for name in ("messages_per_minute", "estimated_seconds_remaining", "health_score"):
        assert listed[name] == metrics[name]


@pytest.mark.parametrize(
    ("span", "step"), [(0, 5), (600, 5), (601, 10), (3600, 30), (86_400, 900), (10**8, 86_400)]
)
def test_a_curve_has_at_most_120_points_and_a_bit(span: float, step: int) -> None:
    assert bucket_seconds(span) == step
