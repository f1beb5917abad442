"""Bodies of retrying, cloning and changing campaigns, and of the old workflow's webhook."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from api.schemas.base import Body, Line
from api.schemas.campaigns import (
    AlreadySent,
    ConfigBody,
    Contact,
    PaceBody,
    Priority,
    ScheduleAt,
)
from shared.domain.contacts import MAX_CONTACTS

_Code = Annotated[str, Field(min_length=1, max_length=64)]

#: What a clone takes over, by the statuses of the messages.
CLONED: Final[dict[str, tuple[str, ...] | None]] = {
    "all": None,
    "failed": ("failed",),
    "not_sent": ("failed", "cancelled", "pending", "leased"),
}


class RetryBody(Body):
    """`{codes?}`: only failures for these reasons; without it all of them."""

    codes: list[_Code] | None = Field(default=None, min_length=1, max_length=50)


class CloneBody(Body):
    """`{name?, only?, config?, priority?, scheduleAt?}`: what differs from the original."""

    name: Line | None = Field(default=None, min_length=1, max_length=255)
    only: Literal["all", "failed", "not_sent"] = "all"
    config: ConfigBody = ConfigBody()
    priority: Priority | None = None
    schedule_at: ScheduleAt | None = Field(default=None, alias="scheduleAt")


class ChangeBody(Body):
    """`{name?, priority?, scheduleAt?, config?}`: what changes; `scheduleAt: null` means now."""

    name: Line | None = Field(default=None, min_length=1, max_length=255)
    priority: Priority | None = None
    schedule_at: ScheduleAt | None = Field(default=None, alias="scheduleAt")
    config: PaceBody = PaceBody()

    @property
    def starts_now(self) -> bool:
        """Whether the start was given as null."""
        return "schedule_at" in self.model_fields_set and self.schedule_at is None

    @property
    def only_doubts(self) -> bool:
        """Whether nothing is named but the policy of doubts, which outlives the campaign's end."""
        doubtful = {"doubt_policy", "doubt_after_hours"}
        named = self.config.model_fields_set
        return self.model_fields_set == {"config"} and bool(named) and named <= doubtful


class WebhookBody(Body):
    """`{campaignId?, name?, contacts, alreadySent?, config?}`: an old workflow's call."""

    campaign_id: Annotated[Line, Field(min_length=1, max_length=100)] | int | None = Field(
        default=None, alias="campaignId"
    )
    name: Line | None = Field(default=None, min_length=1, max_length=255)
    contacts: list[Contact] = Field(min_length=1, max_length=MAX_CONTACTS)
    already_sent: AlreadySent = Field(default=[], alias="alreadySent")
    config: ConfigBody = ConfigBody()

    def as_campaign(self) -> dict[str, Any]:
        """The arguments of a `CampaignBody`, which has a name of its own."""
        name = self.name or (f"Campanha {self.campaign_id}" if self.campaign_id else "Campanha")
        return {
            "name": name,
            "contacts": self.contacts,
            "alreadySent": self.already_sent,
            "config": self.config,
        }
