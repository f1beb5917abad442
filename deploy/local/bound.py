"""Start a command so that it ends when its parent dies, however the parent dies.

Runs as a script of its own (standard library only, isolated interpreter, 20 ms): it drops root if
asked, asks the kernel for a signal at the parent's death, and becomes the command. It is not a
`preexec_fn`, because supervisord cannot call one.

The kernel means the *thread* that forked: start bound commands from the main thread. Where the
kernel offers no such signal (macOS), a small child of the command watches the parent instead.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 0.5
PARENT_VARIABLE = "RAPIDFLOW_BOUND_PID"
KEPT_WHEN_BARE = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


def bound_command(
    command: Sequence[str | Path],
    *,
    when_orphaned: signal.Signals,
    parent: int | None = None,
    user: tuple[int, int] | None = None,
    folder: Path | None = None,
    bare: bool = False,
) -> list[str]:
    """The argument list that runs `command` bound to its parent.

    `parent` is the expected parent (without it: the enclosing bound process, else whoever started
    it); `user` the uid and gid to become; `bare` hides our environment, and its secrets, from it.
    """
    options = ["--signal", when_orphaned.name]
    if parent is not None:
        options += ["--parent", str(parent)]
    if user is not None:
        options += ["--user", f"{user[0]}:{user[1]}"]
    if folder is not None:
        options += ["--folder", str(folder)]
    if bare:
        options += ["--bare"]
    script = str(Path(__file__).resolve())
    return [sys.executable, "-I", "-S", script, *options, "--", *map(str, command)]


def bare_environment() -> dict[str, str]:
    """What a foreign program may know of our environment."""
    return {name: os.environ[name] for name in KEPT_WHEN_BARE if name in os.environ}


def become(user: str) -> None:
    """Drop root for good."""
    uid, gid = (int(part) for part in user.split(":"))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def bind_to_parent(signal_name: str, expected_parent: int) -> None:
    """Ask for the signal, then look again: the parent may have died before we asked."""
    if sys.platform.startswith("linux"):
        number = signal.Signals[signal_name].value
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) refused")
    else:
        watch_parent(signal.Signals[signal_name], expected_parent)
    if os.getppid() != expected_parent:
        sys.exit("the parent process is already gone")


def watch_parent(number: signal.Signals, parent: int) -> None:
    """Fork a child that signals us when `parent` is gone, and ends when we are."""
    target = os.getpid()
    if os.fork() != 0:
        return
    os.setsid()
    os.closerange(0, 64)  # a pipe held open would look like a living writer
    while os.getppid() == target:
        if not is_alive(parent):
            os.kill(target, number)
            break
        time.sleep(WATCH_SECONDS)
    os._exit(0)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def parse(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Our options, and the command behind `--` (argparse would cost as much as the rest)."""
    end = list(arguments).index("--")
    options: dict[str, str] = {}
    words = iter(arguments[:end])
    for word in words:
        options[word.removeprefix("--")] = "yes" if word == "--bare" else next(words)
    return options, list(arguments[end + 1 :])


def main(arguments: Sequence[str]) -> None:
    options, command = parse(arguments)
    expected = options.get("parent") or os.environ.get(PARENT_VARIABLE) or os.getppid()
    environment = dict(os.environ)
    if "bare" in options:
        environment = bare_environment()
    environment[PARENT_VARIABLE] = str(os.getpid())
    if "folder" in options:
        os.chdir(options["folder"])
    if "user" in options:
        become(options["user"])
    bind_to_parent(options["signal"], int(expected))  # after `become`: a new identity forgets it
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606  (no shell is the point)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
