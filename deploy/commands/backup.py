"""`rapidflow backup`: the database as one file."""

from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from deploy.backup.dump import take_backup
from deploy.backup.manifest import manifest_path
from deploy.commands.admin import json_option, say
from deploy.commands.checked import checked_settings, one_sentence

_MIB = 1024 * 1024


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over a backup of this name.")
@json_option
def backup(file: Path, force: bool, as_json: bool) -> None:
    """Write the whole database to FILE and what it is to FILE.json, while everything goes on.

    It is a PostgreSQL dump in custom format. Sealed columns stay sealed: keep ENCRYPTION_KEY
    somewhere else, without it the instances' tokens in the backup never open.
    """
    settings = checked_settings()
    if file.exists() and not force:
        raise click.ClickException(f"{file} exists; name another file, or say --force.")
    if not file.absolute().parent.is_dir():
        raise click.ClickException(f"There is no folder {file.absolute().parent}.")
    with one_sentence(), Console(stderr=True).status("Reading the database") as status:
        manifest = take_backup(settings, file, lambda table, size: _show(status, table, size))
    rows = sum(manifest.rows.values())
    say(
        f"Backup of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC: {file}, "
        f"{manifest.bytes / _MIB:.1f} MiB, {rows} rows of {len(manifest.rows)} tables; "
        f"{manifest_path(file).name} says what it is.\n"
        "Keep ENCRYPTION_KEY apart from it: without the key its sealed columns never open.",
        {
            "file": str(file),
            "manifest": str(manifest_path(file)),
            "taken_at": manifest.taken_at,
            "bytes": manifest.bytes,
            "sha256": manifest.sha256,
            "rows": manifest.rows,
        },
        as_json=as_json,
    )


def _show(status: Status, table: str, size: int) -> None:
    status.update(f"{table} … {size / _MIB:.1f} MiB written")
