"""Bodies that other systems send: described here, read where they arrive."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from api.schemas.base import Body
from api.schemas.campaign_changes import WebhookBody


class ProviderEvent(BaseModel):
    """What Evolution posts; `api.provider_events` reads only what it knows."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"event": "connection.update", "instance": "vendas", "data": {"state": "open"}}
            ]
        },
    )

    event: str = Field(description="Por exemplo `messages.update`.")
    instance: str
    data: Any = None


class ConnectionTestBody(Body):
    """`{"test": true}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"test": True}]})

    test: Literal[True]


class WorkflowBody(RootModel[ConnectionTestBody | WebhookBody]):
    """What the old workflow's address takes: its connection test, or a campaign."""
