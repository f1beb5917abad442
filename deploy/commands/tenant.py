"""`rapidflow tenant`: customers that share this server."""

import click

from deploy.commands.admin import columns, database, json_option, say, show
from shared.db import tenants


@click.group()
def tenant() -> None:
    """Customers that share this server: create, list."""


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


@tenant.command("list")
@json_option
def list_tenants(as_json: bool) -> None:
    """List tenants."""
    with database() as (conn, _):
        found = tenants.list_tenants(conn)
    pick = columns("tenant_id", "name", "time_zone", "created_at")
    show([pick(row) for row in found], name="tenants", as_json=as_json, nothing="No tenants yet.")
