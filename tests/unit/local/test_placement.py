"""Where the cluster lives when PostgreSQL must not run as the one who starts it."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import placement
from deploy.local.account import Account, unprivileged_account
from deploy.local.binaries import postgres_bin
from deploy.local.errors import LocalError
from deploy.local.folder import open_data_dir
from deploy.local.placement import forget_postgres, place_postgres

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user stays who he is")

NOBODY = Account(65534, 65534, "nobody")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder everybody may cross; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="rapidflow-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def outside(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(placement, "OUTSIDE", (open_folder / "lib",))
    return open_folder / "lib"


def modes(*paths: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in paths]


def test_the_cluster_is_in_the_data_folder_if_its_user_gets_there(open_folder: Path) -> None:
    data_dir = open_data_dir(open_folder / "data")
    assert place_postgres(data_dir).home == data_dir / "postgres"


def test_below_a_private_folder_it_is_outside_and_no_rights_change(
    tmp_path: Path, outside: Path
) -> None:
    tmp_path.chmod(0o700)
    data_dir = open_data_dir(tmp_path / "clone/.rapidflow")
    before = modes(tmp_path, data_dir.parent, data_dir)
    placed = place_postgres(data_dir)
    assert placed.home.parent == outside
    assert modes(tmp_path, data_dir.parent, data_dir) == before
    assert modes(placed.home) == [0o700]
    assert placed.home.stat().st_uid == NOBODY.uid
    assert place_postgres(data_dir) == placed  # remembered
    forget_postgres(data_dir)
    assert not placed.home.exists()


def test_a_cluster_that_vanished_is_not_silently_made_anew(tmp_path: Path, outside: Path) -> None:
    tmp_path.chmod(0o700)
    data_dir = open_data_dir(tmp_path / "data")
    shutil.rmtree(place_postgres(data_dir).home)
    with pytest.raises(LocalError, match="which is gone"):
        place_postgres(data_dir)


def test_programs_below_a_private_folder_are_copied_once(
    tmp_path: Path, outside: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = postgres_bin().parent.parent
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / package.name).mkdir()
    (private / package.name / "pginstall").symlink_to(package / "pginstall")
    (private / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    monkeypatch.setenv("RAPIDFLOW_PG_BIN", str(private / package.name / "pginstall/bin"))
    first = place_postgres(open_data_dir(open_folder / "one")).programs
    second = place_postgres(open_data_dir(open_folder / "two")).programs
    assert first == second
    assert outside in first.parents
    assert NOBODY.can_run([first / "initdb", "--version"])
    assert modes(private) == [0o700]


def test_a_folder_outside_that_is_not_root_s_is_left_alone(tmp_path: Path, outside: Path) -> None:
    tmp_path.chmod(0o700)
    outside.mkdir()
    os.chown(outside, NOBODY.uid, NOBODY.gid)
    with pytest.raises(LocalError, match="set DATA_DIR"):
        place_postgres(open_data_dir(tmp_path / "data"))


def test_existing_data_decides_who_runs_it(open_folder: Path) -> None:
    home = open_folder / "postgres"
    home.mkdir()
    os.chown(home, 4242, 4243)
    account = unprivileged_account(owner_of=home)
    assert account is not None
    assert account.ids == (4242, 4243)


@pytest.mark.parametrize(("user", "says"), [("no-such-user", "no user"), ("root", "refuses")])
def test_an_unusable_user_is_one_sentence(
    user: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPIDFLOW_EMBEDDED_USER", user)
    with pytest.raises(LocalError, match=says):
        unprivileged_account(owner_of=tmp_path / "none")
