"""What may happen to a campaign after its creation: change, retry, copy."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import campaign_changes
from api.auth import require
from api.body import read_json, read_optional_json
from api.runtime import runtime
from api.schemas.campaign_changes import ChangeBody, CloneBody, RetryBody
from shared.db.users import User

bp = Blueprint("campaign_changes", __name__, url_prefix="/api/campaigns")


@bp.patch("/<reference>")
@require("operator")
def change(user: User, reference: str) -> ResponseReturnValue:
    """Name, priority, start, delays or numbers of a campaign that has not ended."""
    body = ChangeBody.model_validate(read_json(runtime().settings.http.body_bytes))
    return campaign_changes.change(runtime(), user, reference, body)


@bp.post("/<reference>/retry-failed")
@require("operator")
def retry_failed(user: User, reference: str) -> ResponseReturnValue:
    """Send what failed again; an ended campaign starts again for it."""
    body = RetryBody.model_validate(read_optional_json(runtime().settings.http.body_bytes))
    return campaign_changes.retry_failed(runtime(), user, reference, body)


@bp.post("/<reference>/clone")
@require("operator")
def clone(user: User, reference: str) -> ResponseReturnValue:
    """A new campaign with the list, text and pace of this one."""
    body = CloneBody.model_validate(read_optional_json(runtime().settings.http.body_bytes))
    return campaign_changes.clone(runtime(), user, reference, body)
