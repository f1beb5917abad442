"""`rapidflow clean`: forget everything RapidFlow keeps on this machine."""

import importlib.util

import click

from deploy.local.errors import LocalError


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(yes: bool) -> None:
    """Remove the data folder: database, queue, secrets, logs."""
    if importlib.util.find_spec("psutil") is None:
        raise LocalError("Nothing to clean: the extra `embedded` is not installed here.")
    # Behind the check: these need the extra `embedded`, which the other commands do without.
    from deploy.local.servers import remove_data
    from deploy.local.surroundings import Surroundings

    folder = Surroundings.here().data_dir
    if not folder.exists():
        click.echo(f"Nothing to remove: there is no {folder}.")
        return
    if not yes:
        click.confirm(f"Remove {folder} with every campaign, contact and secret in it?", abort=True)
    remove_data(folder)
    click.echo(f"Removed {folder}.")
