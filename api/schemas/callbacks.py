"""Bodies of an external workflow's reports, as the old workflow sends them, and their answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.base import Body
from shared.db.external import Report
from shared.domain.contacts import MAX_CONTACTS, MAX_NAME
from shared.domain.external import Said
from shared.domain.template import MAX_TEXT

_Count = Annotated[int, Field(ge=0, le=MAX_CONTACTS)]


class StatusBody(Body):
    """`{contactName, phone, status, messageText, error}` of one contact."""

    contact_name: str | None = Field(default=None, alias="contactName", max_length=MAX_NAME)
    phone: Annotated[str, Field(min_length=1, max_length=40)] | int
    status: Literal["sent", "error", "failed"]
    message_text: str | None = Field(default=None, alias="messageText", max_length=MAX_TEXT)
    error: str | None = Field(default=None, max_length=500)

    @property
    def said(self) -> Said:
        """`failed` is another word for `error`."""
        return "sent" if self.status == "sent" else "error"


class ProgressBody(Body):
    """`{currentPosition, sent, errors}` so far."""

    current_position: _Count = Field(alias="currentPosition")
    sent: _Count
    errors: _Count


class CompleteBody(Body):
    """`{totalSent, totalErrors}` at the end."""

    total_sent: _Count = Field(alias="totalSent")
    total_errors: _Count = Field(alias="totalErrors")


class CallbackAnswer(TypedDict):
    """How things stand: a workflow whose campaign is `cancelled` or `paused` should stop."""

    success: Literal[True]
    applied: Annotated[bool, Field(description="false: a repeat, or it came too late")]
    campaign_status: str
    message_status: str | None


class CallbackAccess(TypedDict):
    """Given once, when a campaign is created with `executor: external`."""

    token: Annotated[str, Field(examples=["whsec_…"])]
    header: str
    update_status: str
    progress: str
    complete: str


def callback_access(base_url: str, public_id: str, token: str, header: str) -> CallbackAccess:
    """Where an external workflow reports, and with which token."""
    root = f"{base_url}/api/campaigns/{public_id}"
    return {
        "token": token,
        "header": header,
        "update_status": f"{root}/update-status",
        "progress": f"{root}/progress",
        "complete": f"{root}/complete",
    }


class ReportAnswer(TypedDict):
    """Totals as an external workflow gave them last."""

    current_position: int
    sent: int
    errors: int
    reported_at: datetime | None
    completed_at: datetime | None


def report_answer(report: Report | None) -> ReportAnswer | None:
    """What an external workflow said of the whole; None for the engine's own campaigns."""
    if report is None:
        return None
    return {
        "current_position": report.position,
        "sent": report.sent,
        "errors": report.errors,
        "reported_at": report.reported_at,
        "completed_at": report.completed_at,
    }
