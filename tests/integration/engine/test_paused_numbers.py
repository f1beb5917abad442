"""A number that a person paused gets nothing new, whatever it was doing."""

from shared.db import instances
from tests.factories import Factory, InstanceRow
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox


def set_paused(factory: Factory, instance: InstanceRow, *, paused: bool) -> None:
    with factory.connect() as conn:
        instances.set_paused(conn, instance.tenant_id, instance.instance_id, paused=paused)


def test_a_running_campaign_waits_for_its_paused_number_and_goes_on(
    engine: Engine, factory: Factory, sandbox: Sandbox
) -> None:
    tenant = factory.tenant()
    sandbox.create_instance("pauses")
    instance = factory.instance(tenant, name="pauses")
    campaign = factory.campaign(tenant, [instance], contacts=300)
    in_hand = engine.dispatch()
    assert 0 < in_hand < 300
    set_paused(factory, instance, paused=True)
    engine.run_until(lambda: len(sandbox.ledger("pauses")) == in_hand)
    assert engine.dispatch() == 0
    assert factory.recount(campaign).sent == in_hand
    set_paused(factory, instance, paused=False)
    engine.run(campaign)
    assert factory.recount(campaign).sent == len(sandbox.ledger("pauses")) == 300
