"""`rapidflow plan`: what a tenant may use."""

from dataclasses import asdict

import click

from deploy.commands.admin import ACTOR, DEFAULT_TENANT, database, get_tenant, json_option, say
from shared.db import audit, tenants
from shared.db.tenants import Plan, PlanChange


@click.group()
def plan() -> None:
    """Limits of a tenant: show, set."""


@plan.command("set")
@click.argument("tenant_name", metavar="TENANT")
@click.option("--running-campaigns", type=click.IntRange(1, 10_000), help="Per user, at once.")
@click.option(
    "--messages-per-second",
    type=click.FloatRange(0, 1000, min_open=True),
    help="Per campaign, on average.",
)
@click.option("--burst", type=click.IntRange(1, 10_000), help="Per campaign, in any one second.")
@click.option("--requests-per-minute", type=click.IntRange(1, 1_000_000), help="Per user.")
@click.option(
    "--in-flight-per-instance", type=click.IntRange(1, 100), help="Calls open at one number."
)
@click.option(
    "--foreign-numbers/--no-foreign-numbers", default=None, help="Numbers of other countries."
)
@json_option
def set_plan(
    tenant_name: str,
    running_campaigns: int | None,
    messages_per_second: float | None,
    burst: int | None,
    requests_per_minute: int | None,
    in_flight_per_instance: int | None,
    foreign_numbers: bool | None,
    as_json: bool,
) -> None:
    """Change limits; what is not named stays.

    \b
    rapidflow plan set RapidFlow --messages-per-second 5 --burst 20
    """
    change = PlanChange(
        running_campaigns,
        messages_per_second,
        burst,
        requests_per_minute,
        in_flight_per_instance,
        foreign_numbers,
    )
    with database() as (conn, _):
        tenant = get_tenant(conn, tenant_name)
        after = tenants.set_plan(conn, tenant.tenant_id, change)
        named = {name: value for name, value in asdict(change).items() if value is not None}
        audit.record(
            conn,
            tenant.tenant_id,
            actor=ACTOR,
            action="plan_set",
            subject=f"tenant:{tenant.tenant_id}",
            detail=named,
        )
    _say(tenant.name, after, as_json=as_json)


@plan.command("show")
@click.argument("tenant_name", metavar="[TENANT]", default=DEFAULT_TENANT)
@json_option
def show_plan(tenant_name: str, as_json: bool) -> None:
    """Show the limits of a tenant (RapidFlow if none is named)."""
    with database() as (conn, _):
        tenant = get_tenant(conn, tenant_name)
        found = tenants.get_plan(conn, tenant.tenant_id)
    _say(tenant.name, found, as_json=as_json)


def _say(name: str, found: Plan, *, as_json: bool) -> None:
    limits = {key: value for key, value in asdict(found).items() if key != "tenant_id"}
    lines = [f"  {key.replace('_', ' ')}: {value:g}" for key, value in limits.items()]
    say("\n".join([f"Plan of {name}", *lines]), {"tenant": name, "plan": limits}, as_json=as_json)
