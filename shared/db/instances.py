"""WhatsApp numbers connected in Evolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.errors import InvalidTransition

_SQL = load_sql("instances.sql")


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance and its breaker; `token` and `webhook_secret` are sealed."""

    instance_id: int
    public_id: str
    name: str
    adopted: bool
    state: str
    state_reason: str | None
    state_at: datetime
    owner_phone: str | None
    token: bytes
    webhook_secret: bytes
    last_ack_at: datetime | None
    paused_at: datetime | None
    created_at: datetime
    breaker_state: str
    errors_in_a_row: int
    times_opened: int
    opened_at: datetime | None
    open_until: datetime | None
    rest_reason: str | None


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What is stored of a new instance; secrets sealed by the caller."""

    public_id: str
    name: str
    adopted: bool
    state: str
    owner_phone: str | None
    token: bytes
    webhook_secret: bytes


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """What a webhook call is checked against."""

    instance_id: int
    name: str
    state: str
    state_reason: str | None
    owner_phone: str | None
    webhook_secret: bytes


@dataclass(frozen=True, slots=True)
class NamedInstance:
    """An instance a campaign may use."""

    instance_id: int
    name: str
    state: str


def list_instances(conn: Connection[Row], tenant_id: int) -> list[Instance]:
    """All of a tenant, at most 500."""
    with conn.cursor(row_factory=class_row(Instance)) as cur:
        return cur.execute(_SQL["list_instances"], {"tenant_id": tenant_id}).fetchall()


def find_instance(conn: Connection[Row], tenant_id: int, name: str) -> Instance | None:
    """By name or public id."""
    params = {"tenant_id": tenant_id, "name": name}
    with conn.cursor(row_factory=class_row(Instance)) as cur:
        return cur.execute(_SQL["find_instance"], params).fetchone()


def find_webhook_target(
    conn: Connection[Row], tenant_id: int, public_id: str
) -> WebhookTarget | None:
    """The live instance behind a webhook address."""
    params = {"tenant_id": tenant_id, "public_id": public_id}
    with conn.cursor(row_factory=class_row(WebhookTarget)) as cur:
        return cur.execute(_SQL["webhook_target"], params).fetchone()


def create_instance(conn: Connection[Row], tenant_id: int, new: NewInstance) -> int:
    """Insert the instance and its lane; returns its id.

    Raises:
        InvalidTransition: the name is taken, by this tenant or another.
    """
    params = {
        "tenant_id": tenant_id,
        "public_id": new.public_id,
        "name": new.name,
        "adopted": new.adopted,
        "state": new.state,
        "owner_phone": new.owner_phone,
        "token": new.token,
        "webhook_secret": new.webhook_secret,
    }
    try:
        row = conn.execute(_SQL["insert_instance"], params).fetchone()
    except psycopg.errors.UniqueViolation as exc:
        raise InvalidTransition(
            f"Já existe uma instância chamada {new.name!r} neste servidor.", code="instance_taken"
        ) from exc
    assert row is not None  # noqa: S101  INSERT … RETURNING
    return int(row[0])


def set_state(
    conn: Connection[Row],
    tenant_id: int,
    instance_id: int,
    state: str,
    *,
    reason: str | None = None,
    owner_phone: str | None = None,
) -> None:
    """Write down what Evolution says now; the same state again changes nothing."""
    params = {
        "tenant_id": tenant_id,
        "instance_id": instance_id,
        "state": state,
        "reason": reason,
        "owner_phone": owner_phone,
    }
    conn.execute(_SQL["set_state"], params)


def set_paused(conn: Connection[Row], tenant_id: int, instance_id: int, *, paused: bool) -> bool:
    """Give it nothing new, or go on; False where it was so already."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id, "paused": paused}
    return conn.execute(_SQL["set_paused"], params).rowcount == 1


def soft_delete(conn: Connection[Row], tenant_id: int, instance_id: int) -> None:
    """Its name becomes free; what was sent on it stays readable."""
    conn.execute(_SQL["soft_delete"], {"tenant_id": tenant_id, "instance_id": instance_id})


def only_instance_of(conn: Connection[Row], tenant_id: int, instance_id: int) -> list[str]:
    """Public ids of running campaigns that use no other instance (at most 5)."""
    params = {"tenant_id": tenant_id, "instance_id": instance_id}
    return [str(row[0]) for row in conn.execute(_SQL["only_instance_of"], params)]


def find_named(
    conn: Connection[Row], tenant_id: int, names: Sequence[str] | None
) -> list[NamedInstance]:
    """The instances with these names that exist; None: all, oldest first."""
    params = {"tenant_id": tenant_id, "names": None if names is None else list(names)}
    with conn.cursor(row_factory=class_row(NamedInstance)) as cur:
        return cur.execute(_SQL["names"], params).fetchall()
