"""The contract between api and worker: names of tasks and queues."""

from enum import StrEnum


class Queue(StrEnum):
    """`send` carries batches of leased messages; `control` carries short engine jobs."""

    SEND = "send"
    CONTROL = "control"


class TaskName(StrEnum):
    """Every task there is."""

    SEND = "rapidflow.send"
    TICK = "rapidflow.tick"  # the clock: all periodic engine work that is due
    DISPATCH = "rapidflow.dispatch"  # doorbell: something may be ready to send
    RECEIPTS = "rapidflow.receipts"  # doorbell: the provider told us something


QUEUE_OF = {
    TaskName.SEND: Queue.SEND,
    TaskName.TICK: Queue.CONTROL,
    TaskName.DISPATCH: Queue.CONTROL,
    TaskName.RECEIPTS: Queue.CONTROL,
}
