"""Bodies and answers of instances."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.schemas.base import Body
from shared.db.instances import Instance
from shared.domain.phone import mask_phone
from shared.providers.evolution_admin import Qr

InstanceName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=100)
]


class InstanceBody(Body):
    """`{name, qrcode?, adopt?, token?}`."""

    name: InstanceName
    qrcode: bool = True
    adopt: bool = False
    token: str | None = Field(default=None, max_length=500, pattern=r"^[\x21-\x7e]+$")


def instance_answer(instance: Instance, *, masked: bool) -> dict[str, Any]:
    """State, breaker and last sign of life; no secrets."""
    phone = instance.owner_phone
    return {
        "id": instance.instance_id,
        "public_id": instance.public_id,
        "name": instance.name,
        "adopted": instance.adopted,
        "state": instance.state,
        "state_reason": instance.state_reason,
        "state_at": instance.state_at,
        "phone": mask_phone(phone) if phone and masked else phone,
        "breaker": {
            "state": instance.breaker_state,
            "errors_in_a_row": instance.errors_in_a_row,
            "open_until": instance.open_until,
            "reason": instance.rest_reason,
        },
        "last_ack_at": instance.last_ack_at,
        "created_at": instance.created_at,
    }


def qr_answer(qr: Qr | None) -> dict[str, Any] | None:
    """What to scan: `base64` is a data URI."""
    if qr is None:
        return None
    return {"base64": qr.base64, "code": qr.code, "pairing_code": qr.pairing_code}
