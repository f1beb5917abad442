"""Tell whoever watches, after the commit. A lost event never costs a message: the row is the
truth.

What could not be published stays unmarked in `campaign_events`; the sweep's relay sends it again,
and receivers drop what they have by its number.
"""

from collections.abc import Mapping, Sequence

import orjson
from redis import Redis
from redis.exceptions import RedisError

from shared.db import events as stored_events
from shared.db.events import Audience, StoredEvents
from shared.db.pool import Pool, connection
from shared.db.receipts import ReceiptTotals
from shared.errors import TemporarilyUnavailable
from shared.events.models import Contacts, channel, wire_batch, wire_receipts
from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger(__name__)


class EventPublisher:
    """Publishes batches to the tenants' channels, one round trip for all of them."""

    def __init__(self, redis: Redis, environment: str) -> None:
        self._redis = redis
        self._environment = environment

    def send(
        self,
        batches: Sequence[StoredEvents],
        audiences: Mapping[int, Audience],
        contacts: Contacts,
    ) -> bool:
        """Publish in order; False (counted and logged) where Redis did not take them."""
        if not batches:
            return True
        pipe = self._redis.pipeline(transaction=False)
        for batch in batches:
            audience = audiences.get(batch.campaign_id)
            if audience is not None:
                payload = orjson.dumps(wire_batch(batch, audience, contacts))
                pipe.publish(channel(self._environment, batch.tenant_id), payload)
        try:
            pipe.execute()
        except RedisError as exc:
            metrics.record_events_dropped(len(batches))
            log.warning("events_not_published", batches=len(batches), error=repr(exc))
            return False
        metrics.record_events_published(sum(len(batch.events) for batch in batches))
        return True

    def send_receipts(self, counted: Sequence[ReceiptTotals]) -> None:
        """Publish how far messages came. With Redis away nothing is lost: whoever looks asks."""
        pipe = self._redis.pipeline(transaction=False)
        for totals in counted:
            pipe.publish(
                channel(self._environment, totals.tenant_id), orjson.dumps(wire_receipts(totals))
            )
        try:
            pipe.execute()
        except RedisError as exc:
            log.warning("receipts_not_published", campaigns=len(counted), error=repr(exc))


def publish(publisher: EventPublisher, pool: Pool, batches: Sequence[StoredEvents]) -> None:
    """Publish what a request caused, after its commit. Never raises: the relay makes up for it.

    `pool` may be the API's: the tenant of the first batch is set, so all belong to one tenant.
    """
    if not batches:
        return
    try:
        with connection(pool) as conn:
            conn.execute("SELECT set_config('app.tenant', %s, true)", (str(batches[0].tenant_id),))
            audiences = stored_events.audiences(conn, batches)
            contacts = stored_events.named_contacts(conn, batches)
            if publisher.send(batches, audiences, contacts):
                stored_events.mark_published(conn, batches)
    except TemporarilyUnavailable as exc:
        log.warning("events_left_to_relay", batches=len(batches), error=exc.code)
