"""Bodies and answers of signing in and of API keys. Wire names stop here."""

from typing import Any

from pydantic import Field

from api.schemas.base import Body, Line
from shared.db.api_keys import ApiKey
from shared.db.users import User


class LoginBody(Body):
    """`{email, password}`."""

    email: str = Field(min_length=1, max_length=254)
    password: str = Field(min_length=1, max_length=1024)


class RefreshBody(Body):
    """`{refresh_token?}`: without it the cookie counts."""

    refresh_token: str | None = Field(default=None, min_length=1, max_length=512)


class KeyBody(Body):
    """`{name}` of a new API key."""

    name: Line = Field(min_length=1, max_length=100)


def user_answer(user: User) -> dict[str, Any]:
    """`{id, email, role, tenant}`."""
    return {"id": user.user_id, "email": user.email, "role": user.role, "tenant": user.tenant}


def key_answer(key: ApiKey) -> dict[str, Any]:
    """A key as it may be listed: never its secret."""
    return {
        "id": key.api_key_id,
        "name": key.name,
        "prefix": key.prefix,
        "user_id": key.user_id,
        "created_at": key.created_at,
    }
