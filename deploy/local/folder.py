"""The data folder: made by us, used by one RapidFlow at a time."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import LocalError

MADE_HERE = ".made-by-rapidflow"  # so `clean` may remove the folder, not only what is ours in it
OUR_ENTRIES = (
    "postgres", "postgres.location", "postgresql.log", "valkey", "valkey.log", "sandbox", "log",
    "run", "secrets.json", "ports.json", "lock",
)  # fmt: skip
MEGABYTE = 1 << 20
TO_BEGIN = 200 * MEGABYTE  # a new cluster takes 40 MB, its first write-ahead log 16 to 80
TO_GO_ON = 50 * MEGABYTE


def open_data_dir(data_dir: Path) -> Path:
    """Create the folder if needed; an existing one keeps its rights.

    As root it may be crossed (not read) by the user PostgreSQL runs as; files in it are 0600.
    """
    folder = data_dir.absolute()
    try:
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
            (folder / MADE_HERE).touch(0o600)
    except OSError as error:
        raise LocalError(
            f"Cannot create the data folder {folder} ({error.strerror}): set DATA_DIR to another."
        ) from error
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise LocalError(f"Cannot write to the data folder {folder}: set DATA_DIR to another one.")
    return folder


def check_space(folder: Path) -> None:
    """Refuse to begin on a full disk, while one sentence is still enough."""
    needed = TO_GO_ON if (folder / "ports.json").exists() else TO_BEGIN
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LocalError(
            f"No disk space left in {folder}: {needed // MEGABYTE} MB are needed, "
            f"{free // MEGABYTE} MB are free. Free some space, or choose another DATA_DIR."
        )


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold the folder. The kernel lets go of it when we die, so there is no stale lock."""
    path = data_dir / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise LocalError(
            f"The data folder {data_dir} is somebody else's: be them, or set DATA_DIR to another."
        ) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            raise LocalError(
                f"RapidFlow is already running here (pid {file.read().strip() or 'unknown'}); "
                "stop it or choose another DATA_DIR."
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def remove_contents(folder: Path) -> None:
    """The whole folder if we made it, else what is ours in it."""
    if (folder / MADE_HERE).exists():
        shutil.rmtree(folder)
        return
    for path in (folder / name for name in OUR_ENTRIES):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
