"""`rapidflow person`: what we hold of somebody, erased on their request."""

import click

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
from shared.db import erasures
from shared.domain.phone import InvalidPhone, parse_phone
from shared.security.phone_hashes import PhoneHashes

_SHOWN = columns("erasure_id", "requested_at", "done_at", "contacts")


@click.group()
def person() -> None:
    """People who were written to, or were to be."""


@person.command()
@click.argument("phone")
@tenant_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(phone: str, tenant_name: str, yes: bool, as_json: bool) -> None:
    """Have PHONE (in any form) erased: names, columns, texts and webhooks of every campaign.

    Nothing is written to them from now on. `rapidflow control` does the rest, as for a request by
    API: what is still to be sent is skipped, a doubt keeps its evidence window, then only a keyed
    hash of the number stays, among the suppressions. Counters stay. It cannot be taken back.
    """
    try:
        digits = parse_phone(phone, allow_foreign=True).digits
    except InvalidPhone as exc:
        raise click.ClickException(f"{phone}: {exc}") from exc
    if not yes:
        click.confirm(f"Erase everything of +{digits}?", abort=True)
    with database() as (conn, settings):
        tenant = get_tenant(conn, tenant_name)
        made = erasures.request(
            conn,
            tenant.tenant_id,
            digits,
            actor=ACTOR,
            hash_phone=PhoneHashes(settings.encryption_key.get_secret_value()),
        )
    say(
        f"Erasure {made.erasure_id} is asked for; `rapidflow control` does it within moments, or "
        "when nothing of theirs is on its way any more. `rapidflow person list` says when it is "
        "done.",
        _SHOWN(made),
        as_json=as_json,
    )


@person.command("list")
@tenant_option
@json_option
def list_erasures(tenant_name: str, as_json: bool) -> None:
    """Show the newest erasures; none says whose it is."""
    with database() as (conn, _):
        tenant = get_tenant(conn, tenant_name)
        found = erasures.list_newest(conn, tenant.tenant_id, limit=50)
    show(
        [_SHOWN(one) for one in found],
        name="erasures",
        as_json=as_json,
        nothing="Nobody was erased here.",
    )
