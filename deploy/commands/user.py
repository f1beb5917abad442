"""`rapidflow user`: people who sign in."""

import re

import click
from psycopg import Connection

from deploy.commands.admin import (
    ACTOR,
    columns,
    database,
    get_tenant,
    json_option,
    read_password,
    say,
    show,
    tenant_option,
)
from shared.db import audit, refresh_tokens, users
from shared.db.pool import Row
from shared.db.users import ROLES, Role, User
from shared.errors import InvalidRequest
from shared.security.passwords import Passwords, check_password

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


@click.group()
def user() -> None:
    """People who sign in: create, list, disable, new password."""


@user.command()
@click.option("--email", required=True, help="Signs in with it; unique on this server.")
@click.option("--password", help="12-128 characters; asked for, or read from stdin, if left out.")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="operator",
    show_default=True,
    help="viewer looks, operator sends, admin connects numbers, owner manages people.",
)
@tenant_option
@json_option
def create(email: str, password: str | None, role: Role, tenant_name: str, as_json: bool) -> None:
    """Create a person.

    \b
    rapidflow user create --email ana@example.com --role admin
    """
    if not _EMAIL.fullmatch(email):
        raise click.ClickException(f"{email!r} is not an e-mail address.")
    secret = _checked(read_password(password))
    with database() as (conn, settings):
        tenant = get_tenant(conn, tenant_name)
        user_id = users.create_user(
            conn,
            tenant_id=tenant.tenant_id,
            email=email,
            password_hash=Passwords(settings.auth.hashes_at_once).hash(secret),
            role=role,
        )
        _note(conn, tenant.tenant_id, user_id, "user_created")
    document = {"id": user_id, "email": email, "role": role, "tenant": tenant.name}
    say(f"Created {email} ({role}) in {tenant.name}.", {"user": document}, as_json=as_json)


@user.command("list")
@click.option("--tenant", "tenant_name", help="Only of this tenant (name or number).")
@json_option
def list_users(tenant_name: str | None, as_json: bool) -> None:
    """List people."""
    with database() as (conn, _):
        tenant_id = get_tenant(conn, tenant_name).tenant_id if tenant_name else None
        found = users.list_users(conn, tenant_id)
    pick = columns("user_id", "email", "role", "tenant", "disabled", "created_at")
    show([pick(row) for row in found], name="users", as_json=as_json, nothing="Nobody yet.")


@user.command()
@click.argument("email")
@click.option("--enable", is_flag=True, help="Let them in again.")
@json_option
def disable(email: str, enable: bool, as_json: bool) -> None:
    """Lock somebody out within 30 seconds, open sockets included."""
    with database() as (conn, _):
        found = _get_user(conn, email)
        users.set_disabled(conn, found.tenant_id, found.user_id, disabled=not enable)
        if not enable:
            refresh_tokens.revoke_user(conn, found.tenant_id, found.user_id)
        _note(conn, found.tenant_id, found.user_id, "user_enabled" if enable else "user_disabled")
    document = {"email": found.email, "disabled": not enable}
    say(f"{found.email} is {'enabled' if enable else 'disabled'}.", document, as_json=as_json)


@user.command()
@click.argument("email")
@click.option("--password", help="12-128 characters; asked for, or read from stdin, if left out.")
@json_option
def password(email: str, password: str | None, as_json: bool) -> None:
    """Set a new password; every sign-in of the person ends."""
    secret = _checked(read_password(password))
    with database() as (conn, settings):
        found = _get_user(conn, email)
        hashed = Passwords(settings.auth.hashes_at_once).hash(secret)
        users.set_password(conn, found.tenant_id, found.user_id, hashed)
        refresh_tokens.revoke_user(conn, found.tenant_id, found.user_id)
        _note(conn, found.tenant_id, found.user_id, "password_set")
    say(f"{found.email} has a new password.", {"email": found.email}, as_json=as_json)


def _checked(secret: str) -> str:
    try:
        check_password(secret)
    except InvalidRequest as exc:
        raise click.ClickException(str(exc)) from exc
    return secret


def _get_user(conn: Connection[Row], email: str) -> User:
    found = users.find_by_email(conn, email)
    if found is None:
        raise click.ClickException(f"Nobody signs in as {email!r} (`rapidflow user list`).")
    return found


def _note(conn: Connection[Row], tenant_id: int, user_id: int, action: str) -> None:
    audit.record(conn, tenant_id, actor=ACTOR, action=action, subject=f"user:{user_id}")
