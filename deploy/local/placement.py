"""Where PostgreSQL lives: in the data folder if the user it runs as gets there, else outside.

Nothing that was here before has its rights changed. A clone below a private folder (0700, as /root
is) keeps its privacy; the cluster then lives in a folder of our own, and DATA_DIR remembers which.
"""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from deploy.local.account import Account, unprivileged_account
from deploy.local.binaries import postgres_bin
from deploy.local.errors import LocalError
from deploy.local.secrets import write_private

OUTSIDE = (Path("/var/lib/rapidflow"), Path("/opt/rapidflow"))
LOCATION_FILE = "postgres.location"


@dataclass(frozen=True, slots=True)
class Placement:
    """The folder of the cluster, the programs to run on it, and who runs them (None: us)."""

    home: Path
    programs: Path
    account: Account | None

    @property
    def cluster(self) -> Path:
        return self.home / "data"


def place_postgres(data_dir: Path) -> Placement:
    home = postgres_home(data_dir)
    if not home.is_dir() and home.parent in OUTSIDE:
        raise LocalError(
            f"The PostgreSQL data of {data_dir} was in {home}, which is gone: bring it back, "
            "or begin anew with `rapidflow clean --yes`."
        )
    account = unprivileged_account(owner_of=home)
    if account is None:
        _make(home, None)
        return Placement(home, postgres_bin(), None)
    if not home.exists() and not account.can_enter(home.parent):
        home = _outside() / hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
        write_private(data_dir / LOCATION_FILE, f"{home}\n")
    _make(home, account)
    if not account.can_enter(home):
        raise LocalError(
            f"PostgreSQL runs as user {account.name}, who can no longer reach its data in {home}: "
            "the rights of a parent folder changed."
        )
    return Placement(home, _runnable_programs(postgres_bin(), account), account)


def postgres_home(data_dir: Path) -> Path:
    """The folder outside if an earlier start had to use one, else the one in the data folder."""
    try:
        return Path((data_dir / LOCATION_FILE).read_text().strip())
    except FileNotFoundError:
        return data_dir / "postgres"


def forget_postgres(data_dir: Path) -> None:
    """Remove the cluster outside the data folder, if there is one and it is ours."""
    home = postgres_home(data_dir)
    if home.parent in OUTSIDE and _is_ours(home.parent):
        shutil.rmtree(home, ignore_errors=True)


def _make(home: Path, account: Account | None) -> None:
    if home.exists():
        return
    try:
        home.mkdir(mode=0o700)
        if account is not None:
            os.chown(home, *account.ids)
    except OSError as error:
        raise LocalError(f"Cannot create {home} ({error.strerror}).") from error


def _outside() -> Path:
    """A folder of root's own that everybody may cross; made by us, or left alone."""
    for folder in OUTSIDE:
        try:
            folder.mkdir(mode=0o711, parents=False, exist_ok=True)
        except OSError:
            continue
        if _is_ours(folder):
            return folder
    raise LocalError(
        "PostgreSQL refuses root, and the data folder is below a private one: set DATA_DIR to a "
        f"folder that other users may cross, or allow root to use {OUTSIDE[0]}."
    )


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and private


def _runnable_programs(found: Path, account: Account) -> Path:
    """The programs themselves, or a copy where the account can reach them."""
    if _runs(found, account):
        return found
    copy = _copied(found) / found.parent.name / found.name
    if not _runs(copy, account):
        raise LocalError(f"User {account.name} cannot run PostgreSQL from {found} or {copy}.")
    return copy


def _runs(programs: Path, account: Account) -> bool:
    return all(account.can_run([programs / name, "--version"]) for name in ("initdb", "postgres"))


def _copied(found: Path) -> Path:
    """Copy `PACKAGE/pginstall` and the `PACKAGE.libs` beside it, once for each build of it."""
    package = found.parent.parent
    status = (found / "postgres").stat()
    key = hashlib.sha256(f"{found} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:16]
    target = _outside() / f"programs-{key}"
    if not target.exists():
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        ignore = shutil.ignore_patterns("include", "*.a", "__pycache__")
        try:
            draft.mkdir(mode=0o755)
            shutil.copytree(
                found.parent, draft / package.name / found.parent.name, symlinks=True, ignore=ignore
            )
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.name, symlinks=True)
            _open_to_all(draft)
            draft.rename(target)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.exists():  # another start may have been faster
                raise LocalError(
                    f"Cannot copy PostgreSQL to {target} ({error.strerror})."
                ) from error
    return target / package.name


def _open_to_all(tree: Path) -> None:
    """Our own copy, read by everybody: the umask or the wheel may have said otherwise."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
