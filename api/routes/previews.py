"""What a campaign would say, before there is one."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api import campaign_previews
from api.auth import require
from api.body import read_json
from api.json import json_response
from api.runtime import runtime
from api.schemas.previews import PreviewBody
from shared.db.users import User

bp = Blueprint("previews", __name__, url_prefix="/api/campaigns")


@bp.post("/preview")
@require("operator")
def preview_campaign(user: User) -> ResponseReturnValue:
    """The report on the contacts and the first texts; stores nothing."""
    parts = runtime()
    body = PreviewBody.model_validate(read_json(parts.settings.http.campaign_bytes))
    return json_response(campaign_previews.preview(parts, user, body), 200)
