"""`rapidflow person`: what we hold of somebody, erased on their request."""

import click

from deploy.commands.admin import (
    ACTOR,
    database,
    get_tenant,
    json_option,
    say,
    tenant_option,
)
from shared.db import people
from shared.domain.phone import InvalidPhone, parse_phone, same_person_forms


@click.group()
def person() -> None:
    """People who were written to, or were to be."""


@person.command()
@click.argument("phone")
@tenant_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(phone: str, tenant_name: str, yes: bool, as_json: bool) -> None:
    """Erase PHONE (in any form): names, columns, texts and webhooks of every campaign.

    What was still to be sent is skipped. The number alone stays, among the suppressions, so that it
    is never written to again; counters stay. It cannot be taken back.
    """
    try:
        digits = parse_phone(phone, allow_foreign=True).digits
    except InvalidPhone as exc:
        raise click.ClickException(f"{phone}: {exc}") from exc
    if not yes:
        click.confirm(f"Erase everything of +{digits}?", abort=True)
    with database() as (conn, _):
        conn.execute("SET LOCAL statement_timeout = 0")  # every list of the tenant is read
        tenant = get_tenant(conn, tenant_name)
        erased = people.erase(
            conn, tenant.tenant_id, digits, same_person_forms(digits), actor=ACTOR
        )
    left = ""
    if erased.under_way:
        left = f" {erased.under_way} are being sent this moment: run this again in two minutes."
    say(
        f"Erased from {erased.contacts} lists; {erased.stopped} messages will not be sent, "
        f"{erased.webhooks} webhooks are gone.{left}",
        {
            "contacts": erased.contacts,
            "stopped": erased.stopped,
            "webhooks": erased.webhooks,
            "answers": erased.answers,
            "under_way": erased.under_way,
        },
        as_json=as_json,
    )
