"""Small private files of the data folder: generated secrets and remembered ports."""

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deploy.local.errors import LocalError


def password() -> str:
    """Safe in a URL and in a configuration file as it is."""
    return secrets.token_urlsafe(24)


def encryption_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


GENERATORS: Mapping[str, Callable[[], str]] = {
    "postgres_superuser": password,
    "postgres_owner": password,
    "valkey": password,
    "jwt": lambda: secrets.token_urlsafe(48),
    "encryption_key": encryption_key,
    "sandbox_api_key": password,
}


def load_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets of this installation; what is missing is generated and kept."""
    path = data_dir / "secrets.json"
    known: dict[str, str] = read_json(path)
    missing = {name: make() for name, make in GENERATORS.items() if name not in known}
    if missing:
        known |= missing
        write_json(path, known)
    return known


def load_ports(data_dir: Path) -> dict[str, int]:
    """The ports chosen at an earlier start: the first ones to try."""
    return read_json(data_dir / "ports.json")


def save_ports(data_dir: Path, ports: Mapping[str, int]) -> None:
    known = load_ports(data_dir)
    if known != known | dict(ports):
        write_json(data_dir / "ports.json", known | dict(ports))


def read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LocalError(f"{path} cannot be read ({error}): bring the right file back.") from error


def write_json(path: Path, content: Mapping[str, object]) -> None:
    write_private(path, json.dumps(dict(content), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only, safe against a power cut."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
