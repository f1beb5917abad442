"""The send path with spans: a trace per batch, and below it what becomes of each message.

The engine takes these classes in place of those they extend where tracing is on (docs/tracing.md).
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind

from shared.db.dispatch import LoadedLane
from shared.db.events import Audience, NamedContact, StoredEvents
from shared.db.messages import LeasedMessage, OpenAttempt, Settlement
from shared.domain.delivery import Verdict, VerdictKind
from shared.events.models import Contacts
from shared.events.publish import EventPublisher
from shared.observability import spans
from shared.observability.redaction import scrub
from shared.queue.names import Queue
from shared.queue.payloads import LeasedBatch
from worker.attempts import Attempts, Begun, Settling
from worker.delivery import Delivery
from worker.lane import Lane

_GOOD = {VerdictKind.SENT, VerdictKind.SUPPRESSED}


class TracedLane(Lane):
    """Each message a span, with its beginning and its call below."""

    async def _deliver(
        self, message: LeasedMessage, turn: float, in_flight: asyncio.Semaphore
    ) -> None:
        with spans.span("send message", attributes=self._about(message)):
            await super()._deliver(message, turn, in_flight)

    async def _begin(self, message: LeasedMessage) -> Begun | str:
        with spans.span("begin attempt") as span:
            begun = await super()._begin(message)
            if isinstance(begun, str):
                span.set_attribute("rapidflow.held_back", begun)
            return begun

    async def _attempt(self, message: LeasedMessage, begun: Begun) -> Verdict:
        sort = "sendMedia" if message.image_url else "sendText"
        asked = {
            **self._about(message),
            "http.request.method": "POST",
            "url.template": f"/message/{sort}/{{instance}}",
            "rapidflow.attempt": begun.attempt.attempt,
        }
        with spans.span(f"POST {sort}", kind=SpanKind.CLIENT, attributes=asked) as span:
            verdict = await super()._attempt(message, begun)
            answered = {
                "http.response.status_code": verdict.http_status,
                "rapidflow.verdict": verdict.kind.value,
                "rapidflow.error_code": verdict.code,
            }
            span.set_attributes(spans.known(answered))
            if verdict.kind not in _GOOD:
                spans.failed(span, verdict.code or verdict.kind.value)
            return verdict

    @cached_property
    def _instance(self) -> str:
        return scrub(self.row.name)  # some are named after their number

    def _about(self, message: LeasedMessage) -> dict[str, str | int]:
        return {
            "rapidflow.campaign.id": message.public_id,
            "rapidflow.message.position": message.position,
            "rapidflow.instance": self._instance,
            "rapidflow.tenant.id": message.tenant_id,
        }


class TracedDelivery(Delivery):
    """A trace per batch, linked to the dispatch that leased it and to where its campaigns began."""

    def lane_type(self) -> type[Lane]:
        """Only a batch whose trace is kept has spans for its messages."""
        return TracedLane if trace.get_current_span().is_recording() else Lane

    async def deliver(self, batch: LeasedBatch) -> None:
        """As without spans."""
        attributes: spans.Attributes = {
            "messaging.system": "celery",
            "messaging.operation.type": "process",
            "messaging.operation.name": "send",
            "messaging.destination.name": Queue.SEND.value,
            "messaging.batch.message_count": len(batch.messages),
            "rapidflow.lease.id": str(batch.lease_id),
        }
        dispatched = spans.link(batch.traceparent)
        with spans.trace_of_its_own(
            "send batch", kind=SpanKind.CONSUMER, links=dispatched, attributes=attributes
        ):
            await super().deliver(batch)

    def _load(self, batch: LeasedBatch) -> tuple[list[LoadedLane], list[LeasedMessage], float]:
        lanes, messages, loaded_at = super()._load(batch)
        span = trace.get_current_span()
        span.set_attribute("rapidflow.messages.owned", len(messages))
        for request_id, campaign_id in sorted(
            {(m.request_id or "", m.public_id) for m in messages}
        ):
            if link := spans.creation_link(request_id, campaign_id):
                span.add_link(link.context, link.attributes)
        return lanes, messages, loaded_at


@dataclass(frozen=True, slots=True)
class _TracedSettling(Settling):
    """A verdict in hand, and the span of its message."""

    of: SpanContext


@dataclass(frozen=True, slots=True)
class _TracedContact(NamedContact):
    """Who an event is about, and the span of the message that caused it."""

    of: SpanContext


class TracedAttempts(Attempts):
    """A span for the commit of each verdict; its wait for the statement before is in it."""

    async def settle(self, message: LeasedMessage, attempt: OpenAttempt, verdict: Verdict) -> None:
        """As without spans."""
        of = trace.get_current_span().get_span_context()
        if of.trace_flags.sampled:
            with spans.span("commit verdict", attributes={"rapidflow.verdict": verdict.kind.value}):
                await self._settling.submit(_TracedSettling(message, attempt, verdict, of))
        else:
            await super().settle(message, attempt, verdict)

    def _tell(self, settling: Sequence[Settling], settlement: Settlement) -> None:
        """The log lines of a commit name its trace, where all of it belongs to one."""
        of = [one.of for one in settling if isinstance(one, _TracedSettling)]
        alone = len(of) == len(settling) and len({one.trace_id for one in of}) == 1
        with spans.below(of[0]) if alone else nullcontext():
            super()._tell(settling, settlement)

    def _contacts(self, settling: Sequence[Settling]) -> dict[tuple[int, int], NamedContact]:
        named = super()._contacts(settling)
        for one in settling:
            if isinstance(one, _TracedSettling):
                message = one.message
                named[message.campaign_id, message.position] = _TracedContact(
                    message.campaign_id,
                    message.position,
                    message.name,
                    message.phone,
                    message.body,
                    one.of,
                )
        return named


class TracedPublisher(EventPublisher):
    """Events of many messages leave in one round trip; each message has it among its spans."""

    def send(
        self,
        batches: Sequence[StoredEvents],
        audiences: Mapping[int, Audience],
        contacts: Contacts,
    ) -> bool:
        """As without spans."""
        began = time.time_ns()
        published = super().send(batches, audiences, contacts)
        told = {
            (one.campaign_id, event.get("position", -1)) for one in batches for event in one.events
        }
        for key in told:
            contact = contacts.get(key)
            if isinstance(contact, _TracedContact):
                spans.past("publish events", contact.of, began, ok=published)
        return published
