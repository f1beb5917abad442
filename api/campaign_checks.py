"""A list and a server looked at before there is a campaign. Nothing is stored."""

from api import campaign_draft as drafts
from api.auth import rate_limit_remaining
from api.campaign_actions import judge_list
from api.runtime import Runtime
from api.schemas.checks import CampaignOptions, CheckAnswer, CheckBody
from shared.db import tenants
from shared.db.pool import tenant_transaction
from shared.db.users import User
from shared.domain.contacts import MAX_CONTACTS
from shared.domain.template import MAX_TEXT
from shared.observability.logging import get_logger

log = get_logger(__name__)


def check(parts: Runtime, user: User, body: CheckBody) -> CheckAnswer:
    """Every row that would be skipped and why; a list of nobody is an answer as well."""
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        defaults = tenants.get_defaults(conn, user.tenant_id)
        checked = judge_list(conn, parts, user, body.contacts, defaults, max_problems=MAX_CONTACTS)
    found = checked.validation
    log.info("contacts_checked", **drafts.counts(checked))
    return {
        "success": True,
        "valid": found.valid,
        "skipped": found.skipped,
        "reasons": found.reasons,
        "problems": [
            {
                "index": problem.index,
                "field": f"contacts[{problem.index}].{problem.field}",
                "reason": problem.reason,
                "message": problem.message,
                "detail": problem.detail,
                "same_as": problem.same_as,
            }
            for problem in found.first_problems
        ],
        "warnings": found.warnings,
        "remarks": [{"index": remark.index, "code": remark.code} for remark in found.remarks],
        "columns": list(checked.columns),
        "rateLimitRemaining": rate_limit_remaining(),
    }


def options(parts: Runtime, user: User) -> CampaignOptions:
    """What this server and plan offer to a new campaign."""
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        defaults = tenants.get_defaults(conn, user.tenant_id)
    has_model = parts.settings.openai_api_key is not None
    return {
        "systemPrompt": defaults.default_message,
        "delayMin": parts.settings.pacing.delay_min_seconds,
        "delayMax": parts.settings.pacing.delay_max_seconds,
        "models": list(parts.settings.model.allowed) if has_model else [],
        "messages_per_second": defaults.messages_per_second,
        "foreign_numbers": defaults.foreign_numbers,
        "max_contacts": MAX_CONTACTS,
        "max_text": MAX_TEXT,
    }
