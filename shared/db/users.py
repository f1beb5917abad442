"""People: how they sign in, what they may do, when their tokens end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.errors import InvalidTransition

_SQL = load_sql("users.sql")

Role = Literal["viewer", "operator", "admin", "owner"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin", "owner")


@dataclass(frozen=True, slots=True)
class Login:
    """What signing in needs to know."""

    tenant_id: int
    user_id: int
    password_hash: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class User:
    """A person inside a tenant."""

    tenant_id: int
    user_id: int
    email: str
    role: Role
    session_epoch: int
    disabled: bool
    tenant: str
    requests_per_minute: int
    created_at: datetime


def find_login(conn: Connection[Row], email: str) -> Login | None:
    """By e-mail, whatever its case; in an `auth_transaction`."""
    with conn.cursor(row_factory=class_row(Login)) as cur:
        return cur.execute(_SQL["find_login"], {"email": email}).fetchone()


def find_user(conn: Connection[Row], tenant_id: int, user_id: int) -> User | None:
    """One user of the tenant this transaction sees."""
    params = {"tenant_id": tenant_id, "user_id": user_id}
    with conn.cursor(row_factory=class_row(User)) as cur:
        return cur.execute(_SQL["find_user"], params).fetchone()


def find_by_email(conn: Connection[Row], email: str) -> User | None:
    """Among all rows this transaction sees."""
    with conn.cursor(row_factory=class_row(User)) as cur:
        return cur.execute(_SQL["find_by_email"], {"email": email}).fetchone()


def list_users(conn: Connection[Row], tenant_id: int | None) -> list[User]:
    """Users of one tenant; None: of all this transaction sees."""
    with conn.cursor(row_factory=class_row(User)) as cur:
        return cur.execute(_SQL["list_users"], {"tenant_id": tenant_id}).fetchall()


def create_user(
    conn: Connection[Row], *, tenant_id: int, email: str, password_hash: str, role: Role
) -> int:
    """Returns the user's id.

    Raises:
        InvalidTransition: the e-mail already signs in somewhere.
    """
    params = {
        "tenant_id": tenant_id,
        "email": email,
        "password_hash": password_hash,
        "role": role,
    }
    try:
        row = conn.execute(_SQL["insert_user"], params).fetchone()
    except psycopg.errors.UniqueViolation as exc:
        raise InvalidTransition(f"{email} already has an account", code="user_exists") from exc
    assert row is not None  # noqa: S101  INSERT … RETURNING
    return int(row[0])


def set_password(conn: Connection[Row], tenant_id: int, user_id: int, password_hash: str) -> None:
    """Older access tokens end; the caller revokes the refresh tokens."""
    params = {"tenant_id": tenant_id, "user_id": user_id, "password_hash": password_hash}
    conn.execute(_SQL["set_password"], params)


def replace_password(conn: Connection[Row], login: Login, password_hash: str) -> bool:
    """Over the one `login` was checked against; False: it has changed meanwhile.

    Older access tokens end; the caller revokes the refresh tokens.
    """
    params = {
        "tenant_id": login.tenant_id,
        "user_id": login.user_id,
        "before": login.password_hash,
        "password_hash": password_hash,
    }
    return conn.execute(_SQL["replace_password"], params).fetchone() is not None


def rehash(conn: Connection[Row], login: Login, password_hash: str) -> None:
    """Store the same password under today's parameters."""
    params = {
        "tenant_id": login.tenant_id,
        "user_id": login.user_id,
        "before": login.password_hash,
        "password_hash": password_hash,
    }
    conn.execute(_SQL["rehash"], params)


def end_access_tokens(conn: Connection[Row], tenant_id: int, user_id: int) -> None:
    """Raise the session epoch: access tokens and sockets made before end within 30 s."""
    conn.execute(_SQL["end_access_tokens"], {"tenant_id": tenant_id, "user_id": user_id})


def set_role(conn: Connection[Row], tenant_id: int, user_id: int, role: Role) -> None:
    """Access tokens of the role before end."""
    conn.execute(_SQL["set_role"], {"tenant_id": tenant_id, "user_id": user_id, "role": role})


def lock_owners(conn: Connection[Row], tenant_id: int) -> list[int]:
    """Ids of those who own the tenant and may sign in; nobody else changes them meanwhile."""
    rows = conn.execute(_SQL["lock_owners"], {"tenant_id": tenant_id})
    return [int(row[0]) for row in rows]


def set_disabled(conn: Connection[Row], tenant_id: int, user_id: int, *, disabled: bool) -> None:
    """Lock out or let in again."""
    params = {"tenant_id": tenant_id, "user_id": user_id, "disabled": disabled}
    conn.execute(_SQL["set_disabled"], params)


def find_owner(conn: Connection[Row], tenant_id: int) -> tuple[int, str] | None:
    """User id and e-mail of the tenant's first enabled owner."""
    row = conn.execute(_SQL["owner"], {"tenant_id": tenant_id}).fetchone()
    return None if row is None else (int(row[1]), str(row[2]))


def has_other_tenants(conn: Connection[Row], tenant_id: int) -> bool:
    """Whether this server has people of another tenant; in an `auth_transaction`."""
    row = conn.execute(_SQL["has_other_tenants"], {"tenant_id": tenant_id}).fetchone()
    return bool(row and row[0])
