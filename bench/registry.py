"""Every scenario there is, in the order of the report."""

from bench import create, idle, receipts, send, sockets
from bench.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *send.SCENARIOS,
    *create.SCENARIOS,
    *receipts.SCENARIOS,
    *sockets.SCENARIOS,
    *idle.SCENARIOS,
)
