"""Everything one sandbox holds, put together once."""

import asyncio
import random

from deploy.sandbox.connections import Connections
from deploy.sandbox.faults import Faults
from deploy.sandbox.instances import Instances
from deploy.sandbox.ledger import Ledger
from deploy.sandbox.messages import Messages
from deploy.sandbox.model import Model
from deploy.sandbox.numbers import Numbers
from deploy.sandbox.receipts import Receipts
from deploy.sandbox.stats import Stats
from deploy.sandbox.storage import Journal, StateFile
from deploy.sandbox.tuning import Config, Tuning
from deploy.sandbox.webhooks import Webhooks


class World:
    """The provider's whole state; lives inside a running event loop."""

    def __init__(self, config: Config, tuning: Tuning) -> None:
        folder = config.data_dir
        dice = random.Random(config.seed)  # noqa: S311 - simulation, not secrets
        self.config = config
        self.tuning = tuning
        self.stats = Stats()
        self.faults = Faults(dice)
        self.numbers = Numbers()
        self.instances = Instances()
        self.ledger = Ledger(Journal(folder and folder / "ledger.jsonl"))
        self.messages = Messages(Journal(folder and folder / "messages.jsonl"))
        self.webhooks = Webhooks(tuning, dice)
        self.connections = Connections(tuning, self.webhooks, self.save)
        self.receipts = Receipts(tuning, self.webhooks, self.messages, self.numbers, dice)
        self.model = Model()
        self.closing = asyncio.Event()
        self._state = StateFile(folder and folder / "state.json")
        self._restore()

    def _restore(self) -> None:
        saved = self._state.load()
        self.numbers.restore(saved.get("numbers", {}))
        self.instances.restore(saved.get("instances", []))

    def start(self, server_url: str) -> None:
        """Open the way out; instances stored as connecting go on connecting."""
        self.webhooks.server_url = server_url
        self.webhooks.start()
        for instance in list(self.instances.by_name.values()):
            if instance.status == "connecting":
                self.connections.begin(instance, scan=False)

    def save(self) -> None:
        """Write instances and numbers down."""
        document = {"instances": self.instances.snapshot(), "numbers": self.numbers.snapshot()}
        self._state.save(document)

    async def close(self) -> None:
        """Release sockets and files."""
        self.closing.set()
        await self.connections.stop()
        await self.webhooks.close()
        self.save()
        self.ledger.close()
        self.messages.close()
