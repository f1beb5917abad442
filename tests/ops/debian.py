"""Tools of Debian's packages, unpacked beside the virtual environment.

Nothing is installed and nothing needs root: apt downloads the packages and dpkg unpacks them.
Where they are on PATH already, those are taken.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_PACKAGES = ("prometheus", "cpulimit")
_TOOLS = ("prometheus", "promtool", "cpulimit")
_HELP = (
    "make test-ops needs prometheus, promtool and cpulimit: install them (Debian, Ubuntu: apt-get"
    " install prometheus cpulimit; others: https://prometheus.io/download and"
    " https://github.com/opsengine/cpulimit) or let apt-get download reach a mirror."
)


def find_tools() -> dict[str, str]:
    """Path of each of `_TOOLS` by name; a clear failure where they cannot be had."""
    folders = (None, str(_unpacked()))
    found = {
        name: next(filter(None, (shutil.which(name, path=folder) for folder in folders)), None)
        for name in _TOOLS
    }
    if all(found.values()):
        return {name: str(path) for name, path in found.items()}
    _download(_unpacked().parents[1])
    return find_tools()


def _unpacked() -> Path:
    return Path(sys.prefix) / "debian" / "usr" / "bin"


def _download(into: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.fail(_HELP, pytrace=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)  # apt downloads as a user of its own
        answer = _run(["apt-get", "download", *_PACKAGES], folder)
        if answer.returncode != 0:  # no lists yet, or old ones
            lists = _own_lists(folder)
            _run(["apt-get", *lists, "update"], folder)
            answer = _run(["apt-get", *lists, "download", *_PACKAGES], folder)
        if answer.returncode != 0:
            pytest.fail(f"{_HELP}\n{answer.stderr.strip()}", pytrace=False)
        draft = into.with_name(f"debian.{os.getpid()}")
        for package in folder.glob("*.deb"):
            if _run(["dpkg", "-x", str(package), str(draft)], folder).returncode != 0:
                pytest.fail(_HELP, pytrace=False)
        shutil.rmtree(into, ignore_errors=True)
        draft.replace(into)


def _own_lists(folder: Path) -> list[str]:
    """Package lists of our own, so the machine's are left as they are and root is not needed."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    return [
        "-o", f"Dir::State::Lists={folder}/lists",
        "-o", f"Dir::Cache={folder}/cache",
        "-o", "Debug::NoLocking=1",
    ]  # fmt: skip


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
