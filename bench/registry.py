"""Every scenario there is, in the order of the report."""

from bench import create, growth, idle, receipts, send, sockets
from bench.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *send.SCENARIOS,
    *growth.SCENARIOS,
    *create.SCENARIOS,
    *receipts.SCENARIOS,
    *sockets.SCENARIOS,
    *idle.SCENARIOS,
)
