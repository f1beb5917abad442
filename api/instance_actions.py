"""Creating, adopting, looking at and removing instances: our rows and Evolution kept in step.

No transaction is open while Evolution is asked. The row is written first, which reserves the name;
a failure at Evolution takes it back.
"""

import contextlib
import hmac
import secrets
import time
from dataclasses import dataclass
from functools import partial

from api.provider_events import public_id_prefix
from shared.db import audit, instances
from shared.db.instances import Instance, NewInstance
from shared.db.pool import Pool, tenant_transaction
from shared.errors import (
    FieldProblem,
    InstanceOffline,
    InvalidRequest,
    InvalidTransition,
    NotFound,
    ProviderError,
    Rejected,
)
from shared.observability.logging import get_logger
from shared.providers.evolution_admin import (
    MISSING,
    NAME_IN_USE,
    Connection,
    EvolutionAdmin,
    FoundInstance,
    Qr,
    Webhook,
)
from shared.security.instance_secrets import Column, seal, unseal
from shared.security.sealing import Sealer
from shared.security.tokens import random_name

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom, and who asked (for the audit log)."""

    tenant_id: int
    actor: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance and, while it waits for a phone, what to scan."""

    instance: Instance
    qr: Qr | None = None


@dataclass(frozen=True, slots=True)
class Instances:
    """What the operations need; `base_url` is where Evolution reaches us."""

    pool: Pool
    sealer: Sealer
    evolution: EvolutionAdmin
    base_url: str

    def create(
        self, owner: Owner, name: str, *, qrcode: bool, public_id: str | None = None
    ) -> Seen:
        """A new instance in Evolution, reporting to us; `public_id` where it was chosen before.

        Raises:
            InvalidTransition: the name is taken here or in Evolution.
            ProviderError: Evolution did not do it; nothing is left, here or there.
        """
        public_id = public_id or new_public_id(owner.tenant_id)
        token, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(36)
        new = self._sealed(owner, public_id, name, token, secret)
        self._reserve(owner, new)
        webhook = Webhook(self._address(public_id), secret)
        try:
            connection = self.evolution.create(name, token, webhook, qrcode=qrcode)
        except ProviderError as exc:
            self._take_back(owner, name, None if isinstance(exc, Rejected) else token)
            if exc.code == NAME_IN_USE:
                raise InvalidTransition(
                    f"O Evolution já tem uma instância {name!r}; use adopt para assumi-la.",
                    code="instance_exists",
                ) from exc
            raise
        return self._settle(owner, name, connection)

    def adopt(
        self,
        owner: Owner,
        name: str,
        token: str | None,
        *,
        proof_needed: bool = True,
        public_id: str | None = None,
    ) -> Seen:
        """Take over an instance that exists in Evolution; its webhook then points at us.

        Raises:
            InvalidRequest: it does not exist there, or its own token is needed and is not given.
            InvalidTransition: somebody holds the name here.
            ProviderError: Evolution did not do it; nothing is left here.
        """
        found = self._prove(name, token, proof_needed=proof_needed)
        public_id = public_id or new_public_id(owner.tenant_id)
        secret = secrets.token_urlsafe(36)
        new = self._sealed(owner, public_id, name, found.token, secret, found)
        self._reserve(owner, new)
        try:
            self.evolution.set_webhook(name, found.token, Webhook(self._address(public_id), secret))
        except ProviderError:
            self._take_back(owner, name, None)
            raise
        return self._settle(owner, name, Connection(found.state))

    def look(self, owner: Owner, name: str) -> Seen:
        """What Evolution says now; the QR code while it waits for a phone.

        Raises:
            NotFound: no such instance.
        """
        instance = self._get(owner, name)
        try:
            connection = self._ask_state(owner, instance)
        except InstanceOffline as exc:
            connection = Connection("close")
            return self._note(owner, instance, connection, reason=exc.code)
        except ProviderError as exc:
            log.warning("instance_state_unknown", instance=instance.name, code=exc.code)
            return Seen(instance)
        return self._note(owner, instance, connection)

    def connect(self, owner: Owner, name: str) -> Seen:
        """Start an instance that is closed; what to scan where no phone is linked any more.

        Raises:
            NotFound: no such instance.
            ProviderError: Evolution did not do it.
        """
        instance = self._get(owner, name)
        connection = self.evolution.connect(name, self._open(owner, instance, "token"))
        return self._note(owner, instance, connection)

    def pause(self, owner: Owner, name: str, *, paused: bool) -> Seen:
        """Give it no new work, or go on; asking twice changes nothing.

        Raises:
            NotFound: no such instance.
        """
        instance = self._get(owner, name)
        tenant_id, number = owner.tenant_id, instance.instance_id
        with tenant_transaction(self.pool, tenant_id) as conn:
            changed = instances.set_paused(conn, tenant_id, number, paused=paused)
            fresh = instances.find_instance(conn, tenant_id, instance.public_id)
            if changed:
                action = "instance_paused" if paused else "instance_resumed"
                audit.record(
                    conn, tenant_id, actor=owner.actor, action=action, subject=instance.public_id
                )
        return Seen(fresh or instance)

    def remove(self, owner: Owner, name: str) -> None:
        """Made by us: deleted in Evolution too. Adopted: only its webhook is switched off.

        Raises:
            NotFound: no such instance.
            InvalidTransition: a running campaign has no other number.
            ProviderError: Evolution did not do it; the instance stays.
        """
        instance = self._get(owner, name)
        with tenant_transaction(self.pool, owner.tenant_id) as conn:
            users = instances.only_instance_of(conn, owner.tenant_id, instance.instance_id)
        if users:
            raise InvalidTransition(
                f"A campanha {users[0]} está em andamento e só usa esta instância.",
                code="instance_in_use",
            )
        if instance.adopted:
            self._silence(owner, instance)
        else:
            self.evolution.remove(instance.name)
        self._forget(owner, instance, action="instance_removed")

    def restore(self, owner: Owner, name: str) -> Seen:
        """Make Evolution agree with our row: its webhook set anew, or the instance made again.

        Its server may have lost its data; campaigns keep their instance that way.

        Raises:
            NotFound: no such instance.
            InvalidTransition: Evolution has another instance of this name.
            ProviderError: Evolution did not do it.
        """
        instance = self._get(owner, name)
        token = self._open(owner, instance, "token")
        secret = self._open(owner, instance, "webhook_secret")
        webhook = Webhook(self._address(instance.public_id), secret)
        found = self.evolution.find(name)
        if found is None:
            connection = self.evolution.create(name, token, webhook, qrcode=True)
            return self._note(owner, instance, connection)
        if not hmac.compare_digest(found.token.encode(), token.encode()):
            raise InvalidTransition("another instance has this name now", code="instance_exists")
        self.evolution.set_webhook(name, token, webhook)
        return self.look(owner, name)

    def wait_open(self, owner: Owner, name: str, *, seconds: float) -> str:
        """Ask a closed instance to connect and wait; returns the state it has then.

        Raises:
            NotFound: no such instance.
            ProviderError: Evolution does not answer.
        """
        instance = self._get(owner, name)
        token = self._open(owner, instance, "token")
        deadline = time.monotonic() + seconds
        state = self.evolution.state(name, token)
        if state not in ("open", "connecting"):
            state = self.evolution.connect(name, token).state
        while state != "open" and time.monotonic() < deadline:
            time.sleep(0.2)
            state = self.evolution.state(name, token)
        return self._note(owner, instance, Connection(state)).instance.state

    def holds(self, owner: Owner, name: str) -> Instance | None:
        """The tenant's row of this name."""
        with tenant_transaction(self.pool, owner.tenant_id) as conn:
            return instances.find_instance(conn, owner.tenant_id, name)

    def drop_row(self, owner: Owner, name: str) -> None:
        """Forget our row of an instance that Evolution no longer has."""
        instance = self.holds(owner, name)
        if instance is not None:
            self._forget(owner, instance, action="instance_lost")

    def _prove(self, name: str, token: str | None, *, proof_needed: bool) -> FoundInstance:
        if token is None and proof_needed:
            raise _field_fault(
                "token",
                "com mais de um cliente neste servidor, informe o token da própria instância",
                "token_required",
            )
        found = self.evolution.find(name, token)
        if found is None:
            raise _field_fault("name", "o Evolution não tem esta instância", "unknown_instance")
        if token is not None and not hmac.compare_digest(found.token.encode(), token.encode()):
            raise _field_fault("token", "não é o token desta instância", "wrong_token")
        return found

    def _reserve(self, owner: Owner, new: NewInstance) -> None:
        with tenant_transaction(self.pool, owner.tenant_id) as conn:
            instances.create_instance(conn, owner.tenant_id, new)
            action = "instance_adopted" if new.adopted else "instance_created"
            audit.record(
                conn, owner.tenant_id, actor=owner.actor, action=action, subject=new.public_id
            )

    def _take_back(self, owner: Owner, name: str, token: str | None) -> None:
        """Undo a half-made instance: our row, and Evolution's where it carries our token."""
        if token is not None:
            with contextlib.suppress(ProviderError):
                if self.evolution.find(name, token) is not None:
                    self.evolution.remove(name)
        instance = self.holds(owner, name)
        if instance is not None:
            self._forget(owner, instance, action="instance_undone")

    def _forget(self, owner: Owner, instance: Instance, *, action: str) -> None:
        with tenant_transaction(self.pool, owner.tenant_id) as conn:
            instances.soft_delete(conn, owner.tenant_id, instance.instance_id)
            audit.record(
                conn,
                owner.tenant_id,
                actor=owner.actor,
                action=action,
                subject=instance.public_id,
            )

    def _silence(self, owner: Owner, instance: Instance) -> None:
        webhook = Webhook(self._address(instance.public_id), "", enabled=False)
        try:
            self.evolution.set_webhook(instance.name, self._open(owner, instance, "token"), webhook)
        except InstanceOffline as exc:
            if exc.code != MISSING:
                raise

    def _settle(self, owner: Owner, name: str, connection: Connection) -> Seen:
        return self._note(owner, self._get(owner, name), connection)

    def _note(
        self, owner: Owner, instance: Instance, connection: Connection, reason: str | None = None
    ) -> Seen:
        with tenant_transaction(self.pool, owner.tenant_id) as conn:
            instances.set_state(
                conn, owner.tenant_id, instance.instance_id, connection.state, reason=reason
            )
            fresh = instances.find_instance(conn, owner.tenant_id, instance.public_id)
        return Seen(fresh or instance, connection.qr)

    def _ask_state(self, owner: Owner, instance: Instance) -> Connection:
        token = self._open(owner, instance, "token")
        state = self.evolution.state(instance.name, token)
        if state == "connecting":
            return self.evolution.connect(instance.name, token)
        return Connection(state)

    def _get(self, owner: Owner, name: str) -> Instance:
        instance = self.holds(owner, name)
        if instance is None:
            raise NotFound("Instância não encontrada.", code="instance_not_found")
        return instance

    def _sealed(
        self,
        owner: Owner,
        public_id: str,
        name: str,
        token: str,
        secret: str,
        found: FoundInstance | None = None,
    ) -> NewInstance:
        sealed = partial(seal, self.sealer, tenant_id=owner.tenant_id, public_id=public_id)
        return NewInstance(
            public_id=public_id,
            name=name,
            adopted=found is not None,
            state=found.state if found else "close",
            owner_phone=found.owner_phone if found else None,
            token=sealed(token, column="token"),
            webhook_secret=sealed(secret, column="webhook_secret"),
        )

    def _open(self, owner: Owner, instance: Instance, column: Column) -> str:
        return unseal(
            self.sealer,
            getattr(instance, column),
            column=column,
            tenant_id=owner.tenant_id,
            public_id=instance.public_id,
        )

    def _address(self, public_id: str) -> str:
        return f"{self.base_url}/webhooks/evolution/{public_id}"


def new_public_id(tenant_id: int) -> str:
    """Of an instance; carries its tenant, so that a webhook finds it."""
    return random_name(public_id_prefix(tenant_id))


def _field_fault(path: str, message: str, code: str) -> InvalidRequest:
    return InvalidRequest(f"{path}: {message}.", fields=[FieldProblem(path, message, code)])
