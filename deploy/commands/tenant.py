"""`rapidflow tenant`: customers that share this server."""

import click

from deploy.commands.admin import (
    ACTOR,
    columns,
    database,
    get_tenant,
    json_option,
    say,
    show,
)
from shared.db import audit, tenants
from shared.domain.template import MAX_TEXT


@click.group()
def tenant() -> None:
    """Customers that share this server: create, set, list."""


@tenant.command()
@click.argument("name")
@json_option
def create(name: str, as_json: bool) -> None:
    """Create a tenant with the default plan; then `user create --tenant NAME --role owner`."""
    name = " ".join(name.split())
    if not name or len(name) > 100 or name.isdigit():
        raise click.ClickException("A tenant's name has 1-100 characters and is not a number.")
    with database() as (conn, _):
        made = tenants.create_tenant(conn, name)
    document = {"id": made.tenant_id, "name": made.name}
    say(
        f"Created tenant {made.name} (number {made.tenant_id}).",
        {"tenant": document},
        as_json=as_json,
    )


@tenant.command("set")
@click.argument("tenant_name", metavar="TENANT")
@click.option("--time-zone", help="Of its days and hours, for example America/Manaus.")
@click.option("--default-message", help="Text of campaigns that bring none; {{nome}} is filled in.")
@json_option
def set_tenant(
    tenant_name: str, time_zone: str | None, default_message: str | None, as_json: bool
) -> None:
    """Change what is named; hours and days already counted stay where they are."""
    if default_message is not None and not 1 <= len(default_message.strip()) <= MAX_TEXT:
        raise click.ClickException(f"--default-message: 1-{MAX_TEXT} characters.")
    with database() as (conn, _):
        found = get_tenant(conn, tenant_name)
        if time_zone is not None and not tenants.is_time_zone(conn, time_zone):
            raise click.ClickException(
                f"--time-zone: {time_zone!r} is unknown; use a name like America/Sao_Paulo."
            )
        after = tenants.set_tenant(
            conn, found.tenant_id, time_zone=time_zone, default_message=default_message
        )
        audit.record(
            conn,
            found.tenant_id,
            actor=ACTOR,
            action="tenant_set",
            subject=f"tenant:{found.tenant_id}",
            detail={"time_zone": after.time_zone},
        )
    document = {"id": after.tenant_id, "name": after.name, "time_zone": after.time_zone}
    say(f"{after.name}: time zone {after.time_zone}.", {"tenant": document}, as_json=as_json)


@tenant.command("list")
@json_option
def list_tenants(as_json: bool) -> None:
    """List tenants."""
    with database() as (conn, _):
        found = tenants.list_tenants(conn)
    pick = columns("tenant_id", "name", "time_zone", "created_at")
    show([pick(row) for row in found], name="tenants", as_json=as_json, nothing="No tenants yet.")
