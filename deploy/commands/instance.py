"""`rapidflow instance`: WhatsApp numbers connected in Evolution."""

import contextlib
from collections.abc import Iterator
from typing import Any

import click

from api.instance_actions import Instances, Owner, Seen
from deploy.bootstrap import instance_operations
from deploy.commands.admin import (
    ACTOR,
    columns,
    database,
    get_tenant,
    json_option,
    say,
    show,
    tenant_option,
)
from deploy.commands.checked import checked_settings, one_sentence
from shared.db import instances


@click.group()
def instance() -> None:
    """WhatsApp numbers connected in Evolution: adopt, create, list, remove."""


@instance.command()
@click.argument("name")
@tenant_option
@click.option("--token", help="The instance's own token; the global key finds it otherwise.")
@json_option
def adopt(name: str, tenant_name: str, token: str | None, as_json: bool) -> None:
    """Take over an instance that exists in Evolution; its webhook then points here."""
    with _operations(tenant_name) as (operations, owner):
        seen = operations.adopt(owner, name, token, proof_needed=False)
    _say("Adopted", seen, as_json=as_json)


@instance.command()
@click.argument("name")
@tenant_option
@json_option
def create(name: str, tenant_name: str, as_json: bool) -> None:
    """Create an instance in Evolution; scan the QR code in the console to link a phone."""
    with _operations(tenant_name) as (operations, owner):
        seen = operations.create(owner, name, qrcode=True)
    _say("Created", seen, as_json=as_json)


@instance.command("list")
@tenant_option
@json_option
def list_instances(tenant_name: str, as_json: bool) -> None:
    """List the numbers of a tenant, as last known."""
    with database() as (conn, _):
        tenant = get_tenant(conn, tenant_name)
        found = instances.list_instances(conn, tenant.tenant_id)
    pick = columns("name", "state", "state_reason", "breaker_state", "adopted", "last_ack_at")
    show([pick(row) for row in found], name="instances", as_json=as_json, nothing="No instances.")


@instance.command()
@click.argument("name")
@tenant_option
@json_option
def remove(name: str, tenant_name: str, as_json: bool) -> None:
    """Remove an instance: one made here is deleted in Evolution, an adopted one only let go."""
    with _operations(tenant_name) as (operations, owner):
        operations.remove(owner, name)
    say(f"Removed {name}.", {"name": name, "removed": True}, as_json=as_json)


@contextlib.contextmanager
def _operations(tenant_name: str) -> Iterator[tuple[Instances, Owner]]:
    with database() as (conn, _):
        owner = Owner(get_tenant(conn, tenant_name).tenant_id, ACTOR)
    with one_sentence(), instance_operations(checked_settings()) as operations:
        yield operations, owner


def _say(done: str, seen: Seen, *, as_json: bool) -> None:
    row = seen.instance
    document: dict[str, Any] = {
        "name": row.name,
        "state": row.state,
        "public_id": row.public_id,
        "pairing_code": seen.qr.pairing_code if seen.qr else None,
    }
    say(f"{done} {row.name} ({row.state}).", {"instance": document}, as_json=as_json)
