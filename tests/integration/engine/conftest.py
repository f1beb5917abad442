"""The engine in one process: dispatch, the sending loop and the tick's parts, without Celery."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from shared.queue.payloads import LeasedBatch
from shared.settings import Settings
from tests.factories import CampaignRow, Factory
from tests.sandbox_process import Sandbox
from worker.composing import claim as claim_texts
from worker.composing import compose
from worker.connections import refresh_connections
from worker.deps import Deps, open_deps
from worker.dispatching import dispatch
from worker.evidence import reconcile
from worker.receipts import apply_inbox
from worker.sender import Sender
from worker.sweeping import sweep


@dataclass
class Engine:
    """One worker and one control process, driven by the test."""

    deps: Deps
    sender: Sender
    factory: Factory
    batches: list[LeasedBatch] = field(default_factory=list)

    def dispatch(self) -> int:
        """Lease what may leave; the batches wait in `batches`."""
        return dispatch(self.deps, self.batches.extend)

    def deliver(self) -> None:
        """Hand waiting batches to the sending loop."""
        while self.batches:
            self.sender.accept(self.batches.pop(0))

    def turn(self) -> None:
        """One tick's work."""
        sweep(self.deps)
        refresh_connections(self.deps)
        self.dispatch()
        self.deliver()
        compose(self.deps, claim_texts(self.deps))
        apply_inbox(self.deps)
        reconcile(self.deps)

    def run_until(self, done: Callable[[], bool], *, seconds: float = 20) -> None:
        """Tick until `done`."""
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, "the engine did not get there in time"
            self.turn()
            time.sleep(0.05)

    def run(self, campaign: CampaignRow, *, seconds: float = 20) -> None:
        """Tick until the campaign is over."""
        self.run_until(lambda: self.status(campaign) in {"completed", "failed"}, seconds=seconds)

    def status(self, campaign: CampaignRow) -> object:
        """The campaign's status."""
        return self.factory.value(
            "SELECT status FROM campaigns WHERE campaign_id = %s", campaign.campaign_id
        )


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """Quick times: the rules are the same, a minute is a second."""
    return settings_for(
        delivery={"call_deadline_seconds": 2, "lease_seconds": 3, "lease_margin_seconds": 0.5},
        evidence={"quiet_margin_seconds": 0.1, "looks_after_seconds": (0, 0.5, 1, 2, 4)},
        breaker={"open_seconds": 0.5},
        backoff={"base_seconds": 0.05},
    )


@pytest.fixture
def factory(settings: Settings) -> Factory:
    """Rows for this test."""
    return Factory(settings)


@pytest.fixture
def engine(settings: Settings, factory: Factory, sandbox: Sandbox) -> Iterator[Engine]:
    """A running engine; what is in flight ends before the test does."""
    deps = open_deps(settings, name="test")
    sender = Sender(deps, lambda: None)
    sender.start()
    yield Engine(deps, sender, factory)
    assert sender.drain(20)
    deps.close()
