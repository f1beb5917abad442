"""Celery's consumer, made to survive the loss of its broker."""

from celery.worker.consumer import Consumer

from shared.observability.logging import get_logger

log = get_logger(__name__)


class SurvivingConsumer(Consumer):
    """Reconnects whatever closing the lost connection raises.

    kombu 5.7 puts unacknowledged tasks back through the very connection that was lost, finds none
    and raises AttributeError, which ends the whole worker. Those tasks come back by the lapse of
    their leases; all that matters here is to connect again.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the broken connection."""
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as problem:
            self.connection = None
            log.warning("lost_connection_not_closed", error=repr(problem))
