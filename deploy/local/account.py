"""Who PostgreSQL runs as: it refuses root, so root lends it an unprivileged user."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int
    name: str

    @property
    def ids(self) -> tuple[int, int]:
        return self.uid, self.gid

    def can_run(self, command: Sequence[str | Path]) -> bool:
        """Does this command succeed as this user? The kernel's own answer, not our reading."""
        try:
            done = subprocess.run(
                [str(word) for word in command],
                user=self.uid, group=self.gid, extra_groups=[], cwd="/",
                stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
            )  # fmt: skip
        except PermissionError:
            return False
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise LocalError(
                f"Cannot start a program as user {self.name} ({error}), and PostgreSQL refuses "
                "root: run RapidFlow as an ordinary user, or set DATABASE_URL."
            ) from error
        return done.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        return self.can_run(["/bin/sh", "-c", 'cd "$1"', "sh", folder])


def unprivileged_account(owner_of: Path) -> Account | None:
    """The user to become, None for "stay who you are". Existing data decides by its owner."""
    if os.geteuid() != 0:
        return None
    if owner_of.exists() and owner_of.stat().st_uid != 0:
        status = owner_of.stat()
        return Account(status.st_uid, status.st_gid, _name(status.st_uid))
    wanted = os.environ.get("RAPIDFLOW_EMBEDDED_USER") or "nobody"
    try:
        entry = pwd.getpwnam(wanted)
    except KeyError as error:
        raise LocalError(
            f"PostgreSQL refuses to run as root and there is no user {wanted!r} to run it as: "
            "set RAPIDFLOW_EMBEDDED_USER to an existing one."
        ) from error
    if entry.pw_uid == 0:
        raise LocalError("RAPIDFLOW_EMBEDDED_USER names root, which PostgreSQL refuses.")
    return Account(entry.pw_uid, entry.pw_gid, wanted)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
