"""The first start: a tenant, an owner, an API key for the command line, a demo instance.

Every step looks before it acts, so it runs at every start and from two processes at once.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import Connection

from api.instance_actions import Instances, Owner
from shared.db import api_keys, audit, tenants, users
from shared.db.pool import (
    APP_ROLE,
    AUTH_ROLE,
    ENGINE_ROLE,
    Row,
    connection_options,
    make_pool,
)
from shared.errors import InvalidTransition, RapidFlowError
from shared.observability.logging import get_logger
from shared.providers.evolution_admin import EvolutionAdmin
from shared.security.passwords import Passwords, readable_password
from shared.security.sealing import Sealer
from shared.security.tokens import new_api_key, token_hash
from shared.settings import Settings, load_settings

log = get_logger(__name__)

TENANT: Final = "RapidFlow"
OWNER_EMAIL: Final = "owner@rapidflow.local"
DEMO_INSTANCE: Final = "demo"
API_KEY_FILE: Final = "api-key"
_KEY_NAME: Final = "rapidflow up"
_ACTOR: Final = "command"
_LOCK: Final = 0x7261706964_02
_DEMO_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """`owner_password` only where the owner was created now; it is stored nowhere in clear."""

    owner_email: str
    owner_password: str | None
    api_key_file: Path


def bootstrap(environment: Mapping[str, str]) -> Bootstrapped:
    """Make a migrated database usable; `environment` is that of the processes to be started.

    Raises:
        SettingsError: a variable is missing or wrong.
        psycopg.OperationalError: the database cannot be reached.
    """
    settings = settings_of(environment)
    with _engine(settings) as conn:
        tenant_id = _ensure_tenant(conn)
        email, password = _ensure_owner(conn, settings, tenant_id)
        key_file = _ensure_api_key(conn, settings, tenant_id)
    if is_sandbox_ours(environment):
        try:
            ensure_demo_instance(settings)
        except RapidFlowError as exc:
            log.warning("demo_instance_not_ready", error=str(exc))
    return Bootstrapped(email, password, key_file)


def is_sandbox_ours(environment: Mapping[str, str]) -> bool:
    """Whether the Evolution of this installation is our own sandbox."""
    return environment.get("SANDBOX_API_KEY", "") != ""


def ensure_demo_instance(settings: Settings, *, name: str = DEMO_INSTANCE) -> str:
    """An instance that is in Evolution, ours and open; returns its state.

    Also where Evolution lost its data, or has an instance of this name that is not the one we knew.

    Raises:
        ProviderError: Evolution does not answer.
    """
    with _engine(settings) as conn:
        tenant = tenants.find_tenant(conn, TENANT)
    if tenant is None:
        return "missing"
    owner = Owner(tenant.tenant_id, _ACTOR)
    with instance_operations(settings) as operations:
        _ensure_instance(operations, owner, name)
        # The sandbox scans its own QR codes.
        return operations.wait_open(owner, name, seconds=_DEMO_SECONDS)


@contextlib.contextmanager
def instance_operations(settings: Settings) -> Iterator[Instances]:
    """Instance administration outside the API, as the API's role."""
    pool = make_pool(
        settings.database_url.get_secret_value(),
        APP_ROLE,
        settings.pool,
        size=2,
        name="command",
    )
    pool.open()
    admin = EvolutionAdmin(
        settings.evolution_api_url, settings.evolution_api_key.get_secret_value()
    )
    with contextlib.closing(pool), admin:
        sealer = Sealer(settings.encryption_key.get_secret_value())
        yield Instances(pool, sealer, admin, settings.base_url)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings a process with this environment would read."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _engine(settings: Settings) -> Iterator[Connection[Row]]:
    """One transaction that sees every tenant; one bootstrap at a time."""
    options = connection_options(ENGINE_ROLE, settings.pool)
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url, options=options, connect_timeout=5) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        yield conn


def _ensure_tenant(conn: Connection[Row]) -> int:
    tenant = tenants.find_tenant(conn, TENANT) or tenants.create_tenant(conn, TENANT)
    return tenant.tenant_id


def _ensure_owner(
    conn: Connection[Row], settings: Settings, tenant_id: int
) -> tuple[str, str | None]:
    found = users.find_owner(conn, tenant_id)
    if found is not None:
        return found[1], None
    password = readable_password()
    hashed = Passwords(settings.auth.hashes_at_once).hash(password)
    user_id = users.create_user(
        conn, tenant_id=tenant_id, email=OWNER_EMAIL, password_hash=hashed, role="owner"
    )
    audit.record(conn, tenant_id, actor=_ACTOR, action="user_created", subject=f"user:{user_id}")
    return OWNER_EMAIL, password


def _ensure_api_key(conn: Connection[Row], settings: Settings, tenant_id: int) -> Path:
    path = settings.data_dir / API_KEY_FILE
    owner = users.find_owner(conn, tenant_id)
    if owner is None or _works(conn, path):
        return path
    user_id = owner[0]
    for key in api_keys.list_keys(conn, tenant_id, user_id=user_id):
        if key.name == _KEY_NAME:
            api_keys.revoke_key(conn, tenant_id, key.api_key_id, user_id=user_id)
    secret = new_api_key()
    api_keys.create_key(
        conn,
        tenant_id=tenant_id,
        user_id=user_id,
        name=_KEY_NAME,
        prefix=secret[:10],
        key_hash=token_hash(secret),
    )
    _write_private(path, secret + "\n")
    return path


def _works(conn: Connection[Row], path: Path) -> bool:
    """Whether the file holds a key that this database knows."""
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return False
    with conn.transaction():
        conn.execute("SELECT set_config('role', %s, true)", (AUTH_ROLE,))
        known = api_keys.find_owner(conn, token_hash(secret)) is not None
        conn.execute("SELECT set_config('role', %s, true)", (ENGINE_ROLE,))
    return known


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _ensure_instance(operations: Instances, owner: Owner, name: str) -> None:
    if operations.holds(owner, name) is not None:
        try:
            operations.restore(owner, name)
        except InvalidTransition:  # Evolution has another one: take that
            operations.drop_row(owner, name)
        else:
            return
    if operations.evolution.find(name) is not None:
        operations.adopt(owner, name, None, proof_needed=False)
    else:
        operations.create(owner, name, qrcode=True)
