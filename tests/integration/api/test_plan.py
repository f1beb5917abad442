"""The plan's limits and their use."""

from typing import Any

import psycopg

from tests.integration.api.conftest import Person

Conn = psycopg.Connection[tuple[Any, ...]]


def test_limits_and_use_are_those_of_the_tenant(owner: Person, engine_conn: Conn) -> None:
    owner.create()
    running = owner.create()["campaign"]["campaign_id"]
    engine_conn.execute("UPDATE campaigns SET status = 'running' WHERE public_id = %s", (running,))
    engine_conn.execute(
        "INSERT INTO usage_daily (tenant_id, day, sent, failed) SELECT t.tenant_id,"
        " (now() AT TIME ZONE t.time_zone)::date - gone, 10, 1 FROM tenants AS t,"
        " unnest(ARRAY[0, 29, 30]) AS gone WHERE t.tenant_id = %s",
        (owner.tenant.tenant_id,),
    )
    answer = owner.get("/api/plan")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["plan"]["running_campaigns"] == 5
    assert body["plan"]["messages_per_second"] == 2.0
    usage = body["usage"]
    assert (usage["running_campaigns"], usage["waiting_campaigns"]) == (1, 1)
    assert (usage["sent_today"], usage["errors_today"]) == (10, 1)
    assert (usage["sent_30_days"], usage["errors_30_days"]) == (20, 2)
    assert usage["requests_remaining"] == int(answer.headers["RateLimit-Remaining"])
    assert (usage["instances"], usage["connected_instances"]) == (0, 0)
