"""Bodies and answers of signing in and of API keys. Wire names stop here."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.schemas.base import Body, Line
from api.schemas.words import Instant, Success
from shared.db.api_keys import ApiKey
from shared.db.users import ROLES, User


class LoginBody(Body):
    """`{email, password}`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "dona@example.com", "password": "…"}]}
    )

    email: str = Field(min_length=1, max_length=254)
    password: str = Field(min_length=1, max_length=1024)


class PasswordBody(Body):
    """`{current_password, new_password}`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"current_password": "…", "new_password": "…"}]}
    )

    current_password: str = Field(min_length=1, max_length=1024)
    new_password: str = Field(
        min_length=1, max_length=1024, description="12 a 128 caracteres, e nenhuma das óbvias."
    )


class RefreshBody(Body):
    """`{refresh_token?}`: without it the cookie counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "…"}]})

    refresh_token: str | None = Field(
        default=None, min_length=1, max_length=512, description="Sem ele vale o cookie."
    )


class KeyBody(Body):
    """`{name}` of a new API key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "CRM"}]})

    name: Line = Field(min_length=1, max_length=100, description="Para reconhecê-la na lista.")


class UserAnswer(TypedDict):
    """Who somebody is."""

    id: int
    email: Annotated[str, Field(examples=["dona@example.com"])]
    role: Annotated[str, Field(json_schema_extra={"enum": list(ROLES)}, examples=["owner"])]
    tenant: Annotated[str, Field(description="Nome do cliente.", examples=["Minha loja"])]


class UserShown(TypedDict):
    """Who the credential stands for."""

    success: Success
    user: UserAnswer


class SessionShown(TypedDict):
    """Tokens of a sign-in."""

    success: Success
    access_token: Annotated[str, Field(description="Vai em `Authorization: Bearer`.")]
    refresh_token: Annotated[str, Field(description="Vale uma vez; usado de novo, tudo termina.")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="Segundos.", examples=[900])]
    user: UserAnswer


class TicketShown(TypedDict):
    """A ticket for the WebSocket."""

    success: Success
    ticket: Annotated[str, Field(description="Abre um WebSocket, uma vez.")]
    expires_in: Annotated[int, Field(ge=1, description="Segundos.", examples=[30])]


class KeyAnswer(TypedDict):
    """A key as it may be listed."""

    id: Annotated[int, Field(examples=[7])]
    name: Annotated[str, Field(examples=["CRM"])]
    prefix: Annotated[str, Field(description="Começo da chave.", examples=["rf_a1B2c3D"])]
    user_id: int
    created_at: Instant


class NewKeyAnswer(KeyAnswer):
    """A key just made."""

    secret: Annotated[str, Field(description="Mostrado só agora.", examples=["rf_a1B2c3D…"])]


class KeyCreated(TypedDict):
    """The answer of a create, with the secret."""

    success: Success
    key: NewKeyAnswer


class KeyList(TypedDict):
    """Keys without secrets."""

    success: Success
    keys: list[KeyAnswer]


def user_answer(user: User) -> UserAnswer:
    """`{id, email, role, tenant}`."""
    return {"id": user.user_id, "email": user.email, "role": user.role, "tenant": user.tenant}


def key_answer(key: ApiKey) -> KeyAnswer:
    """A key as it may be listed: never its secret."""
    return {
        "id": key.api_key_id,
        "name": key.name,
        "prefix": key.prefix,
        "user_id": key.user_id,
        "created_at": key.created_at,
    }
