"""Named points at which a process may be told to die, for the fault suite.

`RAPIDFLOW_FAILPOINT=name` or `name:3` makes a process kill itself the first (or third) time it
comes by: SIGKILL, no cleanup, as a power cut would. The settings refuse it outside test
environments, and an unarmed point is one comparison with None.
"""

import os
import signal
import threading


class _Fuse:
    """Counts passes of one point; the last one is fatal."""

    def __init__(self, name: str, passes: int) -> None:
        self._name = name
        self._left = passes
        self._lock = threading.Lock()

    def pass_by(self, name: str) -> None:
        if name != self._name:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_fuse: _Fuse | None = None


def failpoint(name: str) -> None:
    """Die here if this process was told to; otherwise nothing."""
    if _fuse is not None:
        _fuse.pass_by(name)


def arm(spec: str) -> None:
    """`name` or `name:count`, from the settings of this process; empty arms nothing."""
    global _fuse
    name, _, passes = spec.partition(":")
    _fuse = _Fuse(name, int(passes or 1)) if name else None
