"""`rapidflow migrate`: bring the database up to date."""

import click

from deploy.commands.admin import json_option, say
from deploy.commands.checked import checked_settings, one_sentence
from shared.db.migrate import migrate as apply_migrations
from shared.db.migrate import pending_migrations


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if something is pending.")
@json_option
@click.pass_context
def migrate(context: click.Context, check: bool, as_json: bool) -> None:
    """Bring the database up to date; safe from any number of processes at once."""
    url = checked_settings().database_url.get_secret_value()
    with one_sentence():
        names = pending_migrations(url) if check else apply_migrations(url)
    sentence = ", ".join(names)
    if check:
        say(
            f"Pending: {sentence}." if names else "Up to date.", {"pending": names}, as_json=as_json
        )
        context.exit(1 if names else 0)
    say(f"Applied: {sentence}." if names else "Up to date.", {"applied": names}, as_json=as_json)
