"""Refresh tokens: each is used once; using a spent one ends the sign-in it came from."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from shared.db.pool import Row
from shared.db.sql import load_sql

_SQL = load_sql("refresh_tokens.sql")


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose refresh token it is; `family_id` names the sign-in."""

    tenant_id: int
    user_id: int
    family_id: UUID


def find_owner(conn: Connection[Row], token_hash: bytes) -> TokenOwner | None:
    """Spent and revoked ones too; in an `auth_transaction`."""
    with conn.cursor(row_factory=class_row(TokenOwner)) as cur:
        return cur.execute(_SQL["find_token"], {"token_hash": token_hash}).fetchone()


def store(conn: Connection[Row], owner: TokenOwner, token_hash: bytes, *, life: timedelta) -> None:
    """Add the next token of a sign-in; long expired ones of the user are dropped."""
    params = {
        "tenant_id": owner.tenant_id,
        "user_id": owner.user_id,
        "family_id": owner.family_id,
        "token_hash": token_hash,
        "life": life,
    }
    conn.execute(_SQL["forget_old"], params)
    conn.execute(_SQL["insert_token"], params)


def spend(conn: Connection[Row], owner: TokenOwner, token_hash: bytes) -> bool:
    """Use it up. False (it was spent, revoked or is expired): the whole family is revoked."""
    params = {"tenant_id": owner.tenant_id, "token_hash": token_hash}
    if conn.execute(_SQL["spend_token"], params).fetchone() is not None:
        return True
    revoke_family(conn, owner.tenant_id, owner.family_id)
    return False


def revoke_family(conn: Connection[Row], tenant_id: int, family_id: UUID) -> None:
    """End one sign-in."""
    conn.execute(_SQL["revoke_family"], {"tenant_id": tenant_id, "family_id": family_id})


def revoke_user(conn: Connection[Row], tenant_id: int, user_id: int) -> None:
    """End every sign-in of a user."""
    conn.execute(_SQL["revoke_user"], {"tenant_id": tenant_id, "user_id": user_id})
