"""What a backup says of itself, in `FILE.json` beside it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from shared.errors import SettingsError
from shared.security.sealing import key_name

_FORMAT: Final = 1
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """`taken_at`: the rows are those of this instant. `key`: a name of the ENCRYPTION_KEY that
    sealed columns need, from which the key cannot be told. `rows`: by table."""

    format: int
    version: str
    taken_at: datetime
    migrations: list[str]
    server: str
    key: str
    bytes: int
    sha256: str
    rows: dict[str, int]

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "taken_at": self.taken_at.isoformat()}, indent=2) + "\n"


def make_manifest(
    *,
    version: str,
    taken_at: datetime,
    migrations: list[str],
    server: str,
    encryption_key: str,
    size: int,
    sha256: str,
    rows: dict[str, int],
) -> Manifest:
    """In the current format."""
    key = key_name(encryption_key)
    return Manifest(_FORMAT, version, taken_at, migrations, server, key, size, sha256, rows)


def manifest_path(backup: Path) -> Path:
    return backup.with_name(backup.name + ".json")


def read_manifest(backup: Path) -> Manifest:
    """The manifest of a backup that is whole.

    Raises:
        ClickException: one of the two files is missing, cut, changed or from a later format.
    """
    path = manifest_path(backup)
    try:
        told = json.loads(path.read_text("utf-8"))
        manifest = Manifest(**{**told, "taken_at": datetime.fromisoformat(told["taken_at"])})
    except FileNotFoundError as exc:
        raise click.ClickException(
            f"{path} is missing: it belongs to the backup and says when that was taken."
        ) from exc
    except (ValueError, TypeError, KeyError, OSError) as exc:
        raise click.ClickException(f"{path} is not the manifest of a backup: {exc}") from exc
    if manifest.format != _FORMAT:
        raise click.ClickException(f"{path} is of format {manifest.format}; this knows {_FORMAT}.")
    try:
        found = digest(backup)
    except OSError as exc:
        raise click.ClickException(f"{backup} cannot be read: {exc.strerror}") from exc
    if found != manifest.sha256:
        raise click.ClickException(f"{backup} is not what was written: its sum differs.")
    return manifest


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def check_key(manifest: Manifest, encryption_key: str) -> None:
    """Raises SettingsError where what is sealed in the backup would never open."""
    if manifest.key != key_name(encryption_key):
        raise SettingsError(
            "ENCRYPTION_KEY is not the one this backup was sealed with: without that key the "
            "instances' tokens in it never open."
        )
