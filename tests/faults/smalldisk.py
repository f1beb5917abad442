"""A disk that can be filled without harm: a small tmpfs, where this user may mount one."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MEGABYTES = 400


@contextlib.contextmanager
def small_disk() -> Iterator[Path | None]:
    """Its folder, or None where it may not be mounted; unmounted when the block ends."""
    with tempfile.TemporaryDirectory(prefix="rapidflow-disk-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        options = ["-t", "tmpfs", "-o", f"size={_MEGABYTES}m,mode=755", "tmpfs", name]
        try:
            mounted = subprocess.run(["mount", *options], capture_output=True).returncode == 0
        except FileNotFoundError:
            mounted = False
        try:
            yield folder if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", name], capture_output=True, check=False)
