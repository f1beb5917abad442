"""A person who asks for it is erased from every table, and is never written to again."""

import json

from psycopg import sql

from shared.db import people
from shared.domain.phone import same_person_forms
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox

PHONE = "5511987654321"
CANARY = "Zenóbia Canário"


def test_erasing_reaches_every_table_and_stops_what_was_to_be_sent(
    engine: Engine, sandbox: Sandbox
) -> None:
    """One campaign over, one that waits: the second goes on without that person."""
    factory = engine.factory
    tenant = factory.tenant()
    instance = factory.instance(tenant)
    sandbox.create_instance(instance.name)
    other = "5511987654322"
    over = factory.campaign(tenant, [instance], phones=[PHONE, other], names=[CANARY, "B"])
    engine.run(over)
    waits = factory.campaign(tenant, [instance], phones=[PHONE, other], names=[CANARY, "B"])
    forms = same_person_forms(PHONE)
    with factory.connect() as conn:
        conn.execute(
            "INSERT INTO provider_inbox (tenant_id, instance_id, event, dedupe_key, body)"
            " VALUES (%s, %s, 'messages.upsert', 'k', %s)",
            (
                tenant.tenant_id,
                instance.instance_id,
                json.dumps(
                    {"key": {"remoteJid": f"{forms[1]}@s.whatsapp.net"}, "pushName": CANARY}
                ),
            ),
        )
    with factory.connect() as conn, conn.transaction():
        erased = people.erase(conn, tenant.tenant_id, PHONE, forms, actor="command")  # type: ignore[arg-type]
    assert (erased.contacts, erased.stopped, erased.webhooks, erased.under_way) == (2, 1, 1, 0)

    engine.run(waits)
    assert [entry["number"] for entry in sandbox.ledger()].count(PHONE) == 1
    assert factory.recount(waits).skipped == 1
    for campaign in (over, waits):
        assert factory.value("SELECT balanced FROM conservation(%s)", campaign.campaign_id)
    tables = [
        str(name)
        for (name,) in factory.rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND relname NOT LIKE %s",
            "%yoyo%",
        )
    ]
    assert len(tables) > 20
    for table in tables:
        with factory.connect() as conn:
            rows = conn.execute(
                sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.Identifier(table))
            ).fetchall()
        assert CANARY not in str(rows), table
        assert table == "suppressions" or not any(form in str(rows) for form in forms), table
