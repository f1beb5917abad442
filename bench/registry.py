"""Every scenario there is, in the order of the report."""

from bench import growth, receipts, send
from bench.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (*send.SCENARIOS, *growth.SCENARIOS, *receipts.SCENARIOS)
