"""What tasks carry: ids and a schema version, never text or phones.

A payload is a hint. Whoever holds one still needs the lease in PostgreSQL to do anything.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Doorbell(BaseModel):
    """`{"v": 1}`: look now instead of at the next tick."""

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1


class LeasedBatch(BaseModel):
    """Messages leased together, in sending order; all lanes they use belong to this lease."""

    model_config = ConfigDict(frozen=True)

    v: Literal[1] = 1
    lease_id: UUID
    lanes: list[int] = Field(max_length=2000)  # instance ids
    messages: list[tuple[int, int, int]]  # (tenant id, campaign id, position)
    traceparent: str | None = None  # of the dispatch that leased them, where tracing is on
