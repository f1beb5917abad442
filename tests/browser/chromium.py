"""Chromium from the system's packages: found, or installed by apt.

Playwright drives it by its path, so no browser is downloaded beside the system's own.
"""

import os
import shutil
import subprocess
from typing import Final

import pytest

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_HELP: Final = (
    "make test-browser needs Chromium: install it (Debian, Ubuntu: apt-get install chromium), name"
    " one with CHROMIUM=/path/to/chromium, or run as root (or with sudo without a password) where"
    " apt-get reaches a mirror."
)


def find_chromium() -> str:
    """Path of a Chromium; a clear failure where there is none and none can be installed."""
    found = _found()
    if found is None:
        _install()
        found = _found()
    if found is None:
        pytest.fail(_HELP, pytrace=False)
    return found


def _found() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


def _install() -> None:
    apt = shutil.which("apt-get")
    if apt is None:
        return
    ask = [apt] if os.geteuid() == 0 else ["sudo", "--non-interactive", apt]
    if ask[0] == "sudo" and shutil.which("sudo") is None:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "chromium"]):
        subprocess.run([*ask, *step], env=quiet, capture_output=True, check=False)
