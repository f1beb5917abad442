"""What the product is held against: a bare client loop on the same stub."""

import subprocess
import sys

from bench.load import Load
from bench.processes import stub_provider

_MOST_AT_ONCE = 100  # a client loop is no faster with more, where the provider does not wait


def bare_client(load: Load) -> float:
    """Messages a second of a client loop with as many calls at once, no database and no queue."""
    at_once = load.calls_at_once
    if not load.latency_seconds:
        at_once = min(at_once, _MOST_AT_ONCE)
    with stub_provider(load.latency_seconds) as url:
        answer = subprocess.run(
            [sys.executable, "-m", "bench.bare", url + "/x", str(load.messages), str(at_once)],
            capture_output=True,
            text=True,
            check=True,
        )
    return load.messages / float(answer.stdout.split()[0])
