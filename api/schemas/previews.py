"""`POST /api/campaigns/preview`: a create's contacts and config, and how many texts to show."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.base import Body
from api.schemas.campaign_answers import ContactReport
from api.schemas.campaigns import ConfigBody, Contact
from api.schemas.words import RateLimitRemaining, Success
from shared.domain.contacts import MAX_CONTACTS

MAX_PREVIEWS: Final = 20


class PreviewBody(Body):
    """Contacts stay as written; the first sendable ones are shown."""

    contacts: list[Contact] = Field(min_length=1, max_length=MAX_CONTACTS)
    config: ConfigBody = ConfigBody()
    limit: int = Field(default=3, ge=1, le=MAX_PREVIEWS)


class PreviewedText(TypedDict):
    """One contact's text; `index` is its place in `contacts`, from 0. `reason` is why the template
    stands where the model was asked, `reason_text` says it in words."""

    index: int
    nome: str
    telefone: str
    text: str
    source: Literal["model", "template"]
    reason: str | None
    reason_text: str | None


class PreviewAnswer(TypedDict):
    """Nothing was stored and nothing will be sent."""

    success: Success
    texts: list[PreviewedText]
    validation: ContactReport
    rateLimitRemaining: RateLimitRemaining
