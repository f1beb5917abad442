"""Answers of health checks, of the front address and of the old workflow's connection test."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.words import Instant, Success


class SocketCounts(TypedDict):
    """Open sockets of the process that answers."""

    totalConnections: Annotated[int, Field(ge=0, examples=[5])]
    subscribedUsers: Annotated[int, Field(ge=0, examples=[3])]
    subscribedCampaigns: Annotated[int, Field(ge=0, examples=[2])]


class Health(TypedDict):
    """The spec's shape."""

    status: Literal["OK"]
    timestamp: Instant
    uptime: Annotated[int, Field(ge=0, description="Segundos.", examples=[3600])]
    version: Annotated[str, Field(examples=["3.0.0"])]
    websocket: SocketCounts


class Front(TypedDict):
    """Where to go on."""

    success: Success
    service: Literal["RapidFlow"]
    version: str
    health: str
    login: str
    campaigns: str
    events: str
    docs: str


class Live(TypedDict):
    """The process answers."""

    status: Literal["OK"]


class ReadyChecks(TypedDict):
    """What answers."""

    postgresql: bool
    redis: bool


class Ready(TypedDict):
    """Whether it can work."""

    status: Literal["OK", "UNAVAILABLE"]
    checks: ReadyChecks


class ConnectionTest(TypedDict):
    """The spec's connection test."""

    success: Success
    version: Literal["3.0"]
    features: Annotated[list[str], Field(examples=[["WebSocket", "Analytics"]])]
