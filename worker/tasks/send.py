"""`rapidflow.send`: hand a batch of leased messages to this process's sending loop."""

from typing import Any

from pydantic import ValidationError

from shared.failpoints import failpoint
from shared.observability.logging import get_logger
from shared.queue.names import TaskName
from shared.queue.payloads import LeasedBatch
from worker.app import app, process

log = get_logger(__name__)


@app.task(name=TaskName.SEND.value, acks_late=True)
def send(payload: Any) -> None:
    """Accept the batch; the lease in PostgreSQL guards everything that follows."""
    try:
        batch = LeasedBatch.model_validate(payload)
    except ValidationError as exc:
        log.error("payload_set_aside", task=TaskName.SEND.value, problems=exc.error_count())  # noqa: TRY400
        return
    process.sender.accept(batch)
    failpoint("worker_before_ack")
