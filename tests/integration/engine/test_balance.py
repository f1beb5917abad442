"""Conservation: counters and rows say the same, and a difference is found."""

import pytest

from shared.db import health
from tests.factories import Factory
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox


def _unbalanced(factory: Factory) -> list[str]:
    with factory.connect() as conn:
        return health.list_unbalanced(conn, limit=20)  # type: ignore[arg-type]


def test_a_campaign_is_balanced_from_its_creation_to_its_end(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    instance = factory.instance(tenant)
    sandbox.create_instance(instance.name)
    campaign = factory.campaign(tenant, [instance], contacts=5)
    assert _unbalanced(factory) == []
    engine.dispatch()
    assert _unbalanced(factory) == []
    engine.deliver()
    engine.run(campaign)
    assert _unbalanced(factory) == []
    assert factory.recount(campaign).sent == 5


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE campaign_counters SET sent = sent - 1, failed = failed + 1",
        "UPDATE messages SET status = 'pending' WHERE position = 0",
        "UPDATE messages SET provider_id = NULL WHERE position = 0",
        "UPDATE messages SET status = 'leased' WHERE position = 0",
    ],
)
def test_a_difference_is_found(
    engine: Engine, factory: Factory, sandbox: Sandbox, damage: str
) -> None:
    tenant = factory.tenant()
    instance = factory.instance(tenant)
    sandbox.create_instance(instance.name)
    campaign = factory.campaign(tenant, [instance], contacts=2)
    engine.run(campaign)
    with factory.connect() as conn:
        conn.execute(damage)  # type: ignore[arg-type]
    assert _unbalanced(factory) == [campaign.public_id]
