"""Secrets, ports and the data folder itself."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import folder as data_folder
from deploy.local.errors import LocalError
from deploy.local.folder import check_space, exclusive, open_data_dir, remove_contents
from deploy.local.secrets import load_ports, load_secrets, save_ports


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == first
    assert mode(tmp_path / "secrets.json") == 0o600
    assert len(base64.b64decode(first["encryption_key"])) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_a_broken_secrets_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(LocalError, match="cannot be read"):
        load_secrets(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == "{"


def test_ports_are_remembered_one_by_one(tmp_path: Path) -> None:
    save_ports(tmp_path, {"postgres": 1})
    save_ports(tmp_path, {"valkey": 2})
    assert load_ports(tmp_path) == {"postgres": 1, "valkey": 2}


def test_a_new_folder_lists_nothing_to_others(tmp_path: Path) -> None:
    assert mode(open_data_dir(tmp_path / "new/data")) == (0o711 if os.geteuid() == 0 else 0o700)


def test_an_existing_folder_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o750)
    assert mode(open_data_dir(tmp_path / "data")) == 0o750


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match="set DATA_DIR"):
        open_data_dir(tmp_path / "file/data")
    with pytest.raises(LocalError, match="set DATA_DIR"):
        open_data_dir(tmp_path / "file")


def test_a_second_user_of_the_folder_is_told_the_pid(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from deploy.local.folder import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])): pass"
    )
    with exclusive(tmp_path):
        second = subprocess.run(
            [sys.executable, "-c", script, tmp_path], capture_output=True, text=True
        )
    assert f"already running here (pid {os.getpid()})" in second.stderr
    with exclusive(tmp_path):
        pass


def test_a_full_disk_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_folder, "TO_BEGIN", 1 << 60)
    with pytest.raises(LocalError, match="No disk space left"):
        check_space(tmp_path)
    save_ports(tmp_path, {"postgres": 1})  # an installation that exists needs little more
    check_space(tmp_path)


def test_clean_takes_only_what_is_ours_from_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    (tmp_path / "log").mkdir()
    load_secrets(tmp_path)
    remove_contents(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_clean_takes_a_folder_of_our_own_whole(tmp_path: Path) -> None:
    folder = open_data_dir(tmp_path / "ours")
    (folder / "media").mkdir()
    remove_contents(folder)
    assert not folder.exists()
