"""Rows for tests: tenants, instances that are open in the sandbox, campaigns with contacts."""

import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from shared.db import messages
from shared.db.campaign_creation import NewCampaign, NewContact, create
from shared.db.messages import Recount
from shared.security.sealing import Sealer
from shared.security.tokens import random_name
from shared.settings import Settings

WEBHOOK_SECRET = "s" * 40
"""What instances sign their webhooks with."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with one user."""

    tenant_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """An instance as our tables know it."""

    tenant_id: int
    instance_id: int
    name: str
    public_id: str


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as created."""

    tenant_id: int
    campaign_id: int
    public_id: str


class Factory:
    """Writes as the engine role, which sees every tenant."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sealer = Sealer(settings.encryption_key.get_secret_value())

    def connect(self, role: str = "rapidflow_engine") -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of its own, autocommit."""
        return psycopg.connect(
            self.settings.database_url.get_secret_value(),
            options=f"-c role={role}",
            autocommit=True,
        )

    def tenant(
        self,
        *,
        per_second: float = 1000,
        in_flight: int = 2,
        running: int = 50,
    ) -> Tenant:
        """A tenant whose plan does not get in the way unless asked to."""
        name = f"tenant-{next(_numbers)}-{secrets.token_hex(3)}"
        with self.connect() as conn:
            row = conn.execute(
                "INSERT INTO tenants (name) VALUES (%s) RETURNING tenant_id", (name,)
            ).fetchone()
            assert row is not None
            tenant_id = int(str(row[0]))
            conn.execute(
                "INSERT INTO plans (tenant_id, messages_per_second, in_flight_per_instance,"
                " running_campaigns, requests_per_minute) VALUES (%s, %s, %s, %s, 100000)",
                (tenant_id, per_second, in_flight, running),
            )
            user = conn.execute(
                "INSERT INTO users (tenant_id, email, password_hash, role)"
                " VALUES (%s, %s, 'x', 'owner') RETURNING user_id",
                (tenant_id, f"{name}@example.com"),
            ).fetchone()
            assert user is not None
        return Tenant(tenant_id, int(str(user[0])))

    def instance(self, tenant: Tenant, *, name: str | None = None, token: str = "") -> InstanceRow:
        """An instance row, open; `token` is its key at the provider."""
        name = name or f"i{next(_numbers)}-{secrets.token_hex(3)}"
        public_id = random_name(f"{tenant.tenant_id}-")
        place = {"table": "instances", "tenant_id": tenant.tenant_id, "row_id": public_id}
        with self.connect() as conn:
            row = conn.execute(
                "INSERT INTO instances (tenant_id, public_id, name, adopted, state, token,"
                " webhook_secret) VALUES (%s, %s, %s, true, 'open', %s, %s) RETURNING instance_id",
                (
                    tenant.tenant_id,
                    public_id,
                    name,
                    self._sealer.seal(token or f"TOKEN-{name}", column="token", **place),
                    self._sealer.seal(WEBHOOK_SECRET, column="webhook_secret", **place),
                ),
            ).fetchone()
            assert row is not None
            instance_id = int(str(row[0]))
            conn.execute(
                "INSERT INTO lanes (tenant_id, instance_id) VALUES (%s, %s)",
                (tenant.tenant_id, instance_id),
            )
        return InstanceRow(tenant.tenant_id, instance_id, name, public_id)

    def campaign(
        self,
        tenant: Tenant,
        instances: Sequence[InstanceRow] = (),
        *,
        contacts: int = 3,
        phones: Sequence[str] = (),
        delay: float = 0.0,
        template: str = "Olá {nome}!",
        model: str | None = None,
        names: Sequence[str] = (),
    ) -> CampaignRow:
        """A campaign with sendable contacts, made by the product's own creation statement."""
        called = list(names) or [f"Pessoa {at}" for at in range(len(phones) or contacts)]
        numbers = list(phones) or [_phone() for _ in called]
        rows = [
            NewContact(at, name, phone, {}, template.replace("{nome}", name), None)
            for at, (name, phone) in enumerate(zip(called, numbers, strict=True))
        ]
        new = NewCampaign(
            public_id="CAMP-" + secrets.token_hex(13).upper(),
            user_id=tenant.user_id,
            name="Teste",
            priority=0,
            template=template.replace("{nome}", "{{nome}}"),
            image_url=None,
            delay_min=delay,
            delay_max=delay,
            gap_seconds=delay,
            scheduled_at=None,
            request_id=None,
            instance_ids=[instance.instance_id for instance in instances],
            waiting_reason=None,
            model=model,
        )
        with self.connect() as conn, conn.transaction():
            made = create(conn, tenant.tenant_id, new, rows)  # type: ignore[arg-type]
        return CampaignRow(tenant.tenant_id, made.campaign_id, new.public_id)

    def recount(self, campaign: CampaignRow) -> Recount:
        """Messages by state, from the rows."""
        with self.connect() as conn:
            return messages.recount(conn, campaign.tenant_id, campaign.campaign_id)  # type: ignore[arg-type]

    def value(self, query: str, *params: object) -> object:
        """The first column of the first row."""
        with self.connect() as conn:
            row = conn.execute(query, params).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

    def rows(self, query: str, *params: object) -> list[tuple[object, ...]]:
        """All rows."""
        with self.connect() as conn:
            return conn.execute(query, params).fetchall()  # type: ignore[arg-type]


def _phone() -> str:
    """A mobile number of São Paulo nobody else in this run has."""
    return f"55119{60000000 + next(_numbers):08d}"
