"""Every fault of a new campaign at once: those of the schema, and those only our rows can tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic import ValidationError

from api.fields import refusal
from api.schemas.campaigns import CampaignBody
from shared.domain.contacts import MAX_CONTACTS
from shared.errors import InvalidRequest

_SOMEBODY: Final = {"nome": "-", "telefone": "11987654321"}


class Checks:
    """Checks that are all made, whichever of them refuse."""

    def __init__(self) -> None:
        self._refused: list[InvalidRequest] = []

    @contextmanager
    def check(self) -> Iterator[None]:
        """The refusal of one check, kept for later."""
        try:
            yield
        except InvalidRequest as refused:
            self._refused.append(refused)

    def refuse(self) -> None:
        """Raises InvalidRequest with the faults of all checks; of one kind, it keeps its code."""
        if len(self._refused) == 1:
            raise self._refused[0]
        if self._refused:
            raise refusal([field for refused in self._refused for field in refused.fields])


def sound_part(raw: Any, error: ValidationError) -> CampaignBody | None:
    """What is left of a body without its faults, so that the rest can be checked too.

    Contacts with faults are replaced by one that has all their columns, so nobody is judged twice.
    """
    if not isinstance(raw, dict):
        return None
    places = [fault["loc"] for fault in error.errors(include_url=False, include_input=False)]
    given = raw.get("config")
    config = dict(given) if isinstance(given, dict) else {}
    for place in places:
        if place[0] == "config" and len(place) > 1:
            config.pop(place[1], None)
    contacts = raw.get("contacts")
    if any(place[0] == "contacts" for place in places):
        rows = contacts[:MAX_CONTACTS] if isinstance(contacts, list) else []
        columns = {column for row in rows if isinstance(row, dict) for column in row}
        if not columns:  # no telling which variables there would be
            config.pop("systemPrompt", None)
        contacts = [{**dict.fromkeys(columns, "-"), **_SOMEBODY}]
    try:
        return CampaignBody.model_validate({"name": "-", "contacts": contacts, "config": config})
    except ValidationError:
        return None
