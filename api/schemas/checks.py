"""`POST /api/campaigns/check` and `GET /api/campaigns/options`: what there is to know before."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from api.schemas.base import Body
from api.schemas.campaign_answers import ContactProblem, ContactWarnings
from api.schemas.campaigns import Contact
from api.schemas.words import RateLimitRemaining, Success
from shared.domain.contacts import MAX_CONTACTS


class CheckBody(Body):
    """Contacts stay as written, as in a create."""

    contacts: list[Contact] = Field(
        min_length=1, max_length=MAX_CONTACTS, description="De 1 a 10.000 contatos."
    )


class CheckedProblem(ContactProblem):
    """One contact that would be skipped."""

    detail: Annotated[
        str | None,
        Field(
            description="De um telefone inválido: o que há com ele.",
            json_schema_extra={
                "enum": [
                    "empty",
                    "letters",
                    "characters",
                    "too_short",
                    "too_long",
                    "no_area_code",
                    "unknown_area_code",
                    "foreign",
                    "lost_digits",
                    "invalid",
                    None,
                ]
            },
            examples=["no_area_code"],
        ),
    ]
    same_as: Annotated[
        int | None,
        Field(ge=0, description="De um repetido: a posição de quem recebe em seu lugar."),
    ]


class ContactRemark(TypedDict):
    """One contact that is accepted all the same."""

    index: Annotated[int, Field(ge=0, description="Posição na lista enviada, a partir de 0.")]
    code: Annotated[
        str,
        Field(
            json_schema_extra={"enum": ["landline", "not_mobile"]},
            examples=["landline"],
        ),
    ]


class CheckAnswer(TypedDict):
    """What would become of each contact. Nothing was stored and nothing will be sent."""

    success: Success
    valid: Annotated[int, Field(ge=0, description="Contatos que receberiam.", examples=[44])]
    skipped: Annotated[int, Field(ge=0, description="Contatos que seriam pulados.", examples=[1])]
    reasons: Annotated[
        dict[str, int], Field(description="Pulados por motivo.", examples=[{"invalid_phone": 1}])
    ]
    problems: Annotated[
        list[CheckedProblem], Field(description="Todos os pulados, na ordem da lista.")
    ]
    warnings: ContactWarnings
    remarks: Annotated[list[ContactRemark], Field(description="Quem é aceito sem ser um celular.")]
    columns: Annotated[
        list[str],
        Field(description="O que o texto pode usar, além de `nome`.", examples=[["cidade"]]),
    ]
    rateLimitRemaining: RateLimitRemaining


class CampaignOptions(TypedDict):
    """Defaults and limits of a new campaign; the names are those of `config`."""

    systemPrompt: Annotated[str, Field(examples=["Olá {{nome}}!"])]
    delayMin: Annotated[float, Field(ge=0, description="Segundos.", examples=[30.0])]
    delayMax: Annotated[float, Field(ge=0, description="Segundos.", examples=[60.0])]
    models: Annotated[
        list[str],
        Field(description="Quem pode escrever os textos; vazio: ninguém.", examples=[["gpt-4o"]]),
    ]
    messages_per_second: Annotated[
        float, Field(gt=0, description="O máximo do plano, por campanha.", examples=[2.0])
    ]
    foreign_numbers: Annotated[bool, Field(description="O plano inclui números de fora.")]
    max_contacts: Annotated[int, Field(ge=1, examples=[10000])]
    max_text: Annotated[int, Field(ge=1, description="Caracteres.", examples=[4096])]


class OptionsShown(TypedDict):
    """What this server and plan offer to a new campaign."""

    success: Success
    options: CampaignOptions
