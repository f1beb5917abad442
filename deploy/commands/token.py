"""`rapidflow token`: API keys for programs."""

import click

from deploy.commands.admin import ACTOR, columns, database, json_option, say, show
from shared.db import api_keys, audit, users
from shared.security.tokens import new_api_key, token_hash

_email_option = click.option(
    "--email", "--user", "email", required=True, help="Whose key: it acts as this person."
)


@click.group()
def token() -> None:
    """API keys for programs: create, list, revoke."""


@token.command()
@_email_option
@click.option("--name", required=True, help="What it is for; shown in lists.")
@json_option
def create(email: str, name: str, as_json: bool) -> None:
    """Create a key; it is shown once and goes into the X-API-Key header.

    \b
    rapidflow token create --email ana@example.com --name crm
    """
    secret = new_api_key()
    with database() as (conn, _):
        user = users.find_by_email(conn, email)
        if user is None:
            raise click.ClickException(f"Nobody signs in as {email!r} (`rapidflow user list`).")
        key = api_keys.create_key(
            conn,
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            name=name[:100],
            prefix=secret[:10],
            key_hash=token_hash(secret),
        )
        subject = f"api_key:{key.api_key_id}"
        audit.record(conn, user.tenant_id, actor=ACTOR, action="api_key_created", subject=subject)
    document = {"id": key.api_key_id, "email": user.email, "name": key.name, "token": secret}
    say(secret, {"token": document}, as_json=as_json)


@token.command("list")
@_email_option
@json_option
def list_tokens(email: str, as_json: bool) -> None:
    """List live keys by their first characters."""
    with database() as (conn, _):
        user = users.find_by_email(conn, email)
        found = api_keys.list_keys(conn, user.tenant_id, user_id=user.user_id) if user else []
    pick = columns("api_key_id", "prefix", "name", "created_at")
    show([pick(row) for row in found], name="tokens", as_json=as_json, nothing="No keys.")


@token.command()
@_email_option
@click.argument("key_id", type=int)
@json_option
def revoke(email: str, key_id: int, as_json: bool) -> None:
    """Make a key stop working within 30 seconds."""
    with database() as (conn, _):
        user = users.find_by_email(conn, email)
        if user is None or not api_keys.revoke_key(
            conn, user.tenant_id, key_id, user_id=user.user_id
        ):
            raise click.ClickException(f"{email} has no live key {key_id} (see `token list`).")
        subject = f"api_key:{key_id}"
        audit.record(conn, user.tenant_id, actor=ACTOR, action="api_key_revoked", subject=subject)
    say(f"Key {key_id} is revoked.", {"id": key_id, "revoked": True}, as_json=as_json)
