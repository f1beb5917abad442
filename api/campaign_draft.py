"""From a body to the rows of a campaign: judged contacts, rendered texts. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.schemas.campaign_answers import ContactReport
from api.schemas.campaigns import CampaignBody, ConfigBody, validation_answer
from api.schemas.campaigns import Contact as ContactRow
from shared.db.campaign_creation import NewContact
from shared.db.instances import NamedInstance
from shared.db.tenants import Defaults
from shared.domain.contacts import MAX_PROBLEMS, CheckedContacts, Contact, check_contacts
from shared.domain.phone import InvalidPhone, parse_phone
from shared.domain.template import MAX_TEXT, render, unknown_variables
from shared.errors import FieldProblem, InvalidRequest
from shared.settings import PacingSettings, Settings

_MAX_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two messages of the campaign."""

    delay_min: float
    delay_max: float

    def gap_seconds(self, messages_per_second: float) -> float:
        """What to expect between two messages, the plan's rate included."""
        return max((self.delay_min + self.delay_max) / 2, 1 / messages_per_second)


def judge(
    contacts: Sequence[ContactRow],
    suppressed: frozenset[str],
    *,
    foreign: bool,
    already_sent: frozenset[str] = frozenset(),
    max_problems: int = MAX_PROBLEMS,
) -> CheckedContacts:
    """Every row of the list."""
    return check_contacts(
        contacts,
        suppressed=suppressed,
        already_sent=already_sent,
        allow_foreign=foreign,
        max_problems=max_problems,
    )


def read_already_sent(phones: Sequence[str], *, foreign: bool) -> frozenset[str]:
    """Whom somebody else has reached, as canonical digits.

    Raises:
        InvalidRequest: a number cannot be read; passed over, its person would be written to again.
    """
    reached, problems = set(), list[FieldProblem]()
    for index, phone in enumerate(phones):
        try:
            reached.add(parse_phone(phone, allow_foreign=foreign).digits)
        except InvalidPhone as error:
            problems.append(FieldProblem(f"alreadySent[{index}]", str(error), "invalid_phone"))
    if problems:
        raise InvalidRequest(
            "Há telefones que não se entendem em alreadySent.",
            code="invalid_already_sent",
            fields=problems[:_MAX_FIELDS],
        )
    return frozenset(reached)


def require_sendable(checked: CheckedContacts) -> None:
    """Raises InvalidRequest with the first problems where nobody can be written to."""
    if checked.validation.valid:
        return
    fields = [
        FieldProblem(f"contacts[{item.index}].{item.field}", item.message, item.reason)
        for item in checked.validation.first_problems
    ]
    raise InvalidRequest(
        "Nenhum contato pode receber mensagens.", code="no_sendable_contacts", fields=fields
    )


def choose_template(config: ConfigBody, defaults: Defaults, checked: CheckedContacts) -> str:
    """The campaign's text, or the tenant's default.

    Raises:
        InvalidRequest: it names a variable that no contact has.
    """
    template = config.system_prompt or defaults.default_message
    unknown = unknown_variables(template, checked.columns)
    if unknown:
        names = ", ".join("{{" + name + "}}" for name in unknown[:10])
        problem = f"usa variáveis que os contatos não têm: {names}"
        raise InvalidRequest(
            f"config.systemPrompt {problem}.",
            code="unknown_variables",
            fields=[FieldProblem("config.systemPrompt", problem, "unknown_variables")],
        )
    return template


def choose_model(config: ConfigBody, settings: Settings) -> str | None:
    """The model that writes the texts, or None.

    Raises:
        InvalidRequest: this server has none, or not this one.
    """
    if not config.model:
        return None
    if settings.openai_api_key is None:
        problem = "este servidor não tem um modelo de texto configurado"
    elif config.model not in settings.model.allowed:
        problem = f"modelo desconhecido; use um destes: {', '.join(settings.model.allowed)}"
    else:
        return config.model
    raise InvalidRequest(
        f"config.model: {problem}.",
        code="model_not_allowed",
        fields=[FieldProblem("config.model", problem, "model_not_allowed")],
    )


def choose_pace(body: CampaignBody, defaults: PacingSettings) -> Pace:
    """Delays of the body; one alone moves the other's default out of its way.

    Raises:
        InvalidRequest: never for what the schema let through.
    """
    low, high = body.config.delay_min, body.config.delay_max
    if low is None:
        low = defaults.delay_min_seconds if high is None else min(defaults.delay_min_seconds, high)
    if high is None:
        high = max(defaults.delay_max_seconds, low)
    return Pace(low, high)


def render_rows(checked: CheckedContacts, template: str, *, has_image: bool) -> list[NewContact]:
    """Rows in list order, texts final.

    Raises:
        InvalidRequest: a text is empty or too long once a contact's values are in it.
    """
    rows: list[NewContact] = []
    problems: list[FieldProblem] = []
    for entry in checked.entries:
        body, reason = None, None
        if isinstance(entry, Contact):
            body = render(template, variables_of(entry))
            fault = _text_fault(body, has_image=has_image)
            if fault:
                problems.append(FieldProblem(f"contacts[{entry.position}]", fault, "text"))
                if len(problems) == _MAX_FIELDS:
                    break
                continue
        else:
            reason = entry.reason
        rows.append(
            NewContact(entry.position, entry.name, entry.phone, entry.variables, body, reason)
        )
    if problems:
        raise InvalidRequest(
            "O texto não serve para todos os contatos.", code="text_invalid", fields=problems
        )
    return rows


def resolve_instances(names: list[str], found: list[NamedInstance]) -> list[NamedInstance]:
    """The instances the campaign may use; nobody named: the first connected one, or none.

    Raises:
        InvalidRequest: a named one does not exist.
    """
    if not names:
        return [item for item in found if item.state == "open"][:1]
    unknown = set(names) - {item.name for item in found}
    if unknown:
        field = "config.instance" if len(names) == 1 else "config.instances"
        problem = f"instância desconhecida: {', '.join(sorted(unknown))}"
        raise InvalidRequest(
            f"{field}: {problem}.",
            code="unknown_instance",
            fields=[FieldProblem(field, problem, "unknown_instance")],
        )
    return found


def waiting_reason(instances: list[NamedInstance]) -> str | None:
    """`no_instance` where none of them is connected."""
    return None if any(item.state == "open" for item in instances) else "no_instance"


def report(checked: CheckedContacts) -> ContactReport:
    """The answer's `validation`."""
    return validation_answer(checked.validation)


def counts(checked: CheckedContacts) -> dict[str, int]:
    """For the log: numbers, no names."""
    return {"valid": checked.validation.valid, "skipped": checked.validation.skipped}


def variables_of(contact: Contact) -> dict[str, str]:
    """What a template may name."""
    return {"nome": contact.name, "telefone": contact.phone, **contact.variables}


def _text_fault(text: str, *, has_image: bool) -> str:
    if len(text) > MAX_TEXT:
        return f"o texto deste contato passa de {MAX_TEXT} caracteres"
    if not text.strip() and not has_image:
        return "o texto deste contato fica vazio"
    return ""
