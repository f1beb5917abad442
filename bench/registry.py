"""Every scenario there is, in the order of the report."""

from bench import receipts, send
from bench.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (*send.SCENARIOS, *receipts.SCENARIOS)
