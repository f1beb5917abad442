"""WhatsApp numbers: create, adopt, look, remove."""

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api.auth import current_principal, require
from api.body import read_json
from api.idempotency import Plan, asked_once, once_outside
from api.instance_actions import Instances, Owner, Seen, new_public_id
from api.openapi.describe import INSTANCES, describes
from api.openapi.faults import PROVIDER, Fault
from api.runtime import runtime
from api.schemas.instances import (
    InstanceBody,
    InstanceList,
    InstanceShown,
    instance_answer,
    qr_answer,
)
from api.schemas.words import Done
from shared.db import instances, users
from shared.db.pool import auth_transaction, tenant_transaction
from shared.db.users import User

bp = Blueprint("instances", __name__, url_prefix="/api/instances")

_UNKNOWN = Fault(404, "instance_not_found", "Instância não encontrada.")


@bp.get("")
@describes("Lista as instâncias, como vistas por último", INSTANCES, answers={200: InstanceList})
@require("viewer")
def list_instances(user: User) -> ResponseReturnValue:
    """All of the tenant, as last known."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        found = instances.list_instances(conn, user.tenant_id)
    masked = user.role == "viewer"
    shown = [instance_answer(item, masked=masked) for item in found]
    return InstanceList(success=True, instances=shown)


@bp.post("")
@describes(
    "Cria uma instância ou assume uma existente",
    INSTANCES,
    description=(
        "`adopt: true` assume uma do Evolution; as outras são criadas lá. A resposta guardada para "
        "a Idempotency-Key não traz o QR code: peça-o em `GET /api/instances/{name}`."
    ),
    body=InstanceBody,
    body_limit="8 KiB",
    answers={201: InstanceShown},
    faults=(
        Fault(409, "instance_exists", "O Evolution já tem uma instância 'vendas'."),
        Fault(409, "instance_taken", "Já existe uma instância chamada 'vendas' neste servidor."),
        *PROVIDER,
    ),
    idempotent=True,
)
@require("admin")
def create_instance(user: User) -> ResponseReturnValue:
    """`{name, qrcode?}` makes one, `{name, adopt: true, token?}` takes over an existing one."""
    body = InstanceBody.model_validate(read_json(8 * 1024))

    def effect(plan: Plan) -> InstanceShown:
        seen = _make(user, body, str(plan["public_id"]))
        shown = instance_answer(seen.instance, masked=False)
        return InstanceShown(success=True, instance=shown, qrcode=qr_answer(seen.qr))

    return once_outside(
        runtime().pool,
        asked_once(user.tenant_id),
        {"public_id": new_public_id(user.tenant_id)},
        effect,
        status=201,
        kept=_without_qr,
    )


@bp.get("/<name>")
@describes(
    "Uma instância, com o estado de agora",
    INSTANCES,
    description="Enquanto espera um telefone, `qrcode` traz o que escanear, para admin e owner.",
    answers={200: InstanceShown},
    faults=(_UNKNOWN, *PROVIDER),
)
@require("viewer")
def get_instance(user: User, name: str) -> ResponseReturnValue:
    """One, asked for its state now; what to scan is for those who may change instances."""
    seen = _operations().look(_owner(user), name)
    may_scan = user.role in ("admin", "owner")
    shown = instance_answer(seen.instance, masked=user.role == "viewer")
    qr = qr_answer(seen.qr) if may_scan else None
    return InstanceShown(success=True, instance=shown, qrcode=qr)


@bp.post("/<name>/connect")
@describes(
    "Conecta uma instância que está fechada",
    INSTANCES,
    description="`qrcode` traz o que escanear onde nenhum telefone está ligado a ela.",
    answers={200: InstanceShown},
    faults=(_UNKNOWN, *PROVIDER),
)
@require("admin")
def connect_instance(user: User, name: str) -> ResponseReturnValue:
    """An open one is left as it is."""
    seen = _operations().connect(_owner(user), name)
    shown = instance_answer(seen.instance, masked=False)
    return InstanceShown(success=True, instance=shown, qrcode=qr_answer(seen.qr))


@bp.post("/<name>/pause")
@describes(
    "Pausa uma instância",
    INSTANCES,
    description="Nada novo sai por ela; o que já estava em mãos sai em segundos.",
    answers={200: InstanceShown},
    faults=(_UNKNOWN,),
)
@require("operator")
def pause_instance(user: User, name: str) -> ResponseReturnValue:
    """Campaigns that have other numbers go on with those."""
    return _paused(user, name, paused=True)


@bp.post("/<name>/resume")
@describes(
    "Volta a usar uma instância pausada",
    INSTANCES,
    answers={200: InstanceShown},
    faults=(_UNKNOWN,),
)
@require("operator")
def resume_instance(user: User, name: str) -> ResponseReturnValue:
    """Campaigns that waited for it go on within seconds."""
    return _paused(user, name, paused=False)


@bp.delete("/<name>")
@describes(
    "Remove uma instância",
    INSTANCES,
    description="A criada aqui é apagada no Evolution; a assumida só deixa de avisar.",
    answers={200: Done},
    faults=(
        _UNKNOWN,
        Fault(409, "instance_in_use", "A campanha CAMP-… está em andamento e só usa esta."),
        *PROVIDER,
    ),
)
@require("admin")
def delete_instance(user: User, name: str) -> ResponseReturnValue:
    """Not while a running campaign has no other number."""
    _operations().remove(_owner(user), name)
    return Done(success=True)


def _paused(user: User, name: str, *, paused: bool) -> InstanceShown:
    seen = _operations().pause(_owner(user), name, paused=paused)
    return InstanceShown(
        success=True, instance=instance_answer(seen.instance, masked=False), qrcode=None
    )


def _make(user: User, body: InstanceBody, public_id: str) -> Seen:
    """A row of this id that is there already was left by a request that died: finish it."""
    operations, owner = _operations(), _owner(user)
    begun = operations.holds(owner, public_id)
    if begun is not None:
        return operations.restore(owner, begun.name)
    if body.adopt:
        proof_needed = _is_shared(user)
        return operations.adopt(
            owner, body.name, body.token, proof_needed=proof_needed, public_id=public_id
        )
    return operations.create(owner, body.name, qrcode=body.qrcode, public_id=public_id)


def _without_qr(answer: dict[str, Any]) -> dict[str, Any]:
    """A code to scan opens the account and is soon stale: never stored."""
    return {**answer, "qrcode": None}


def _operations() -> Instances:
    parts = runtime()
    return Instances(parts.pool, parts.sealer, parts.evolution, parts.settings.webhook_base_url)


def _owner(user: User) -> Owner:
    return Owner(user.tenant_id, current_principal().actor)


def _is_shared(user: User) -> bool:
    """Whether other tenants live on this server: then holding the name proves nothing."""
    with auth_transaction(runtime().pool) as conn:
        return users.has_other_tenants(conn, user.tenant_id)
