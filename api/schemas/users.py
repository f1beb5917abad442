"""Bodies and answers of the people of a tenant."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.schemas.base import Body
from api.schemas.words import Instant, Success
from shared.db.users import ROLES, User

RoleName = Literal["viewer", "operator", "admin", "owner"]
_PASSWORD = "De 12 a 128 caracteres."  # noqa: S105  a description
_ROLE = "`viewer` olha, `operator` envia, `admin` conecta números, `owner` cuida das pessoas."


class PersonBody(Body):
    """`{email, password, role?}` of somebody new."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "ana@example.com", "password": "uma-frase-longa", "role": "operator"}
            ]
        }
    )

    email: str = Field(
        max_length=254,
        pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$",
        description="Com ele a pessoa entra.",
        json_schema_extra={"format": "email"},
    )
    password: str = Field(min_length=12, max_length=128, description=_PASSWORD)
    role: RoleName = Field(default="operator", description=_ROLE)


class PersonChange(Body):
    """`{role?, disabled?, password?}`: what is named changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "admin"}]})

    role: RoleName | None = Field(default=None, description=_ROLE)
    disabled: bool | None = Field(default=None, description="`true`: não entra mais.")
    password: str | None = Field(default=None, min_length=12, max_length=128, description=_PASSWORD)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.role is None and self.disabled is None and self.password is None:
            raise ValueError("diga o que muda: role, disabled ou password")
        return self


class PersonAnswer(TypedDict):
    """Somebody who signs in."""

    id: Annotated[int, Field(examples=[3])]
    email: Annotated[str, Field(examples=["ana@example.com"])]
    role: Annotated[str, Field(json_schema_extra={"enum": list(ROLES)}, examples=["operator"])]
    disabled: bool
    created_at: Instant


class PersonShown(TypedDict):
    """One person."""

    success: Success
    user: PersonAnswer


class PersonList(TypedDict):
    """Everybody of the tenant."""

    success: Success
    users: list[PersonAnswer]


def person_answer(user: User) -> PersonAnswer:
    """As it may be listed: never a password."""
    return {
        "id": user.user_id,
        "email": user.email,
        "role": user.role,
        "disabled": user.disabled,
        "created_at": user.created_at,
    }
