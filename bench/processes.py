"""Processes of a run: started, measured (CPU and memory of whole trees), ended."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

import psutil


@contextlib.contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """`python -m …` with this environment; SIGTERM at the end, SIGKILL if that is not enough."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def stub_provider(latency_seconds: float) -> Iterator[str]:
    """The stub's base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.stub", str(latency_seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """User and system time so far of these processes and their children, living and reaped."""
    total = 0.0
    for member in _trees(processes):
        with contextlib.suppress(psutil.Error):
            times = member.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system
    return total


def resident_mib(processes: Sequence[psutil.Process]) -> float:
    """Proportional set size of these processes and their children now, in MiB."""
    total = 0.0
    for member in _trees(processes):
        with contextlib.suppress(psutil.Error):
            total += member.memory_full_info().pss
    return total / 2**20


def _trees(processes: Sequence[psutil.Process]) -> Iterator[psutil.Process]:
    for process in processes:
        yield process
        with contextlib.suppress(psutil.Error):
            yield from process.children(recursive=True)
