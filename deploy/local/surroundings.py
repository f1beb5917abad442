"""What the person set (environment, then `.env`), and what we add for the processes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from deploy.local.errors import LocalError

DEFAULT_DATA_DIR = ".rapidflow"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 5000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The variables as they are given; an empty one counts as missing."""

    variables: Mapping[str, str] = field(repr=False)

    @classmethod
    def here(cls) -> "Surroundings":
        from_file = {k: v for k, v in dotenv_values(Path(".env")).items() if v is not None}
        return cls({**from_file, **os.environ})

    def get(self, name: str) -> str | None:
        """One setting in its accepted spellings; the plain one wins, `…_FILE` names a file."""
        for spelling in (name, f"RAPIDFLOW_{name}"):
            if value := self.variables.get(spelling, "").strip():
                return value
            if path := self.variables.get(f"{spelling}_FILE", "").strip():
                return _read(f"{spelling}_FILE", Path(path))
        return None

    @property
    def data_dir(self) -> Path:
        return Path(self.get("DATA_DIR") or DEFAULT_DATA_DIR).absolute()

    @property
    def host(self) -> str:
        return self.get("HOST") or DEFAULT_HOST

    @property
    def port(self) -> int:
        text = self.get("PORT") or str(DEFAULT_PORT)
        if not (text.isdigit() and 0 < int(text) < 65_536):
            raise LocalError(f"PORT is {text!r}, it must be a number from 1 to 65535.")
        return int(text)

    def with_defaults(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """The environment of the processes: everything given, and our value where it is not."""
        missing = {name: value for name, value in defaults.items() if self.get(name) is None}
        return {**self.variables, **missing}


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise LocalError(
            f"{name} names {path}, which cannot be read ({error.strerror})."
        ) from error
