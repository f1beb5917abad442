"""The plan's limits, and what is used of them."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from api.auth import require
from api.openapi.describe import ACCESS, describes
from api.runtime import runtime
from api.schemas.plan import PlanShown, plan_answer, usage_answer
from shared.db import tenants, usage
from shared.db.pool import tenant_transaction
from shared.db.users import User

bp = Blueprint("plan", __name__, url_prefix="/api/plan")


@bp.get("")
@describes(
    "Limites do plano e uso",
    ACCESS,
    description="Campanhas e pedidos são de quem pergunta; números e envios, do cliente.",
    answers={200: PlanShown},
)
@require("viewer")
def show_plan(user: User) -> ResponseReturnValue:
    """Limits are changed with `rapidflow plan set`."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        plan = tenants.get_plan(conn, user.tenant_id)
        used = usage.get_usage(conn, user.tenant_id, user.user_id)
    return PlanShown(
        success=True, plan=plan_answer(plan), usage=usage_answer(used, g.allowance.remaining)
    )
