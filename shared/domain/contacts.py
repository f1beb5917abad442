"""A submitted list of people, checked row by row: who gets a message, who does not and why."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.phone import InvalidPhone, Phone, parse_phone

SkipReason = Literal["empty_name", "invalid_phone", "duplicate", "suppressed", "already_sent"]
Suppressed = Callable[[str], bool] | frozenset[str]

MAX_CONTACTS: Final = 10_000
MAX_COLUMNS: Final = 50
MAX_CELL_BYTES: Final = 4096
MAX_NAME: Final = 255  # characters
MAX_PROBLEMS: Final = 100

#: Controls, invisible direction marks and halves of surrogate pairs (PostgreSQL stores none).
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
    "\ud800-\udfff]"
)
_MESSAGES: Final[dict[SkipReason, str]] = {
    "empty_name": "o nome está vazio",
    "suppressed": "esta pessoa pediu para não receber mensagens",
    "already_sent": "esta pessoa já recebeu a mensagem",
}


@dataclass(frozen=True, slots=True)
class Contact:
    """One person to write to; `position` is the row's 0-based place in what was submitted."""

    position: int
    name: str
    phone: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class SkippedContact:
    """One row that gets no message; `name` and `phone` as given, trimmed and bounded."""

    position: int
    name: str
    phone: str
    variables: dict[str, str]
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one row is skipped; `field` is the wire's name (`nome`, `telefone`).

    `detail` is what is wrong with the phone (InvalidPhone's reason), `same_as` the row that is
    written to instead of a duplicate.
    """

    index: int
    field: str
    reason: SkipReason
    message: str
    detail: str | None = None
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A row that is accepted all the same; `code` is `landline` or `not_mobile`."""

    index: int
    code: str


@dataclass(frozen=True, slots=True)
class Validation:
    """The answer's `validation`: counts, the first problems, and what was accepted with a remark.

    `remarks` are the first rows whose number is a landline or otherwise not a mobile.

    `warnings` counts `landline`, `not_mobile`, `cell_cut` (over 4 KiB), `column_dropped`
    (past the fiftieth) and `value_ignored` (neither text nor number).
    """

    valid: int
    skipped: int
    reasons: dict[str, int]
    first_problems: tuple[Problem, ...]
    warnings: dict[str, int]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class CheckedContacts:
    """Every submitted row in order, the template variables they offer, and the summary."""

    entries: tuple[Contact | SkippedContact, ...]
    columns: tuple[str, ...]
    validation: Validation

    def sendable(self) -> Iterator[Contact]:
        return (entry for entry in self.entries if isinstance(entry, Contact))

    def skipped(self) -> Iterator[SkippedContact]:
        return (entry for entry in self.entries if isinstance(entry, SkippedContact))


def check_contacts(
    rows: Sequence[Mapping[str, object]],
    *,
    suppressed: Suppressed = frozenset(),
    already_sent: frozenset[str] = frozenset(),
    allow_foreign: bool = False,
    max_problems: int = MAX_PROBLEMS,
) -> CheckedContacts:
    """Judge every row; never raises for what a row holds.

    `nome` and `telefone` are the person, every further text or number a template variable.
    The first sendable row of a person wins; `suppressed` is asked with canonical digits, which
    `already_sent` (whom somebody else has reached) holds too.
    At most `max_problems` problems, and as many remarks, are listed; all are counted.
    """
    check = _Check(suppressed, already_sent, allow_foreign=allow_foreign, max_problems=max_problems)
    entries = tuple(check.row(position, row) for position, row in enumerate(rows))
    return CheckedContacts(entries, tuple(dict.fromkeys(check.columns.values())), check.summary())


def clean_line(value: str) -> str:
    """One line: whitespace collapsed, controls and invisible marks removed."""
    return " ".join(_without_invisible(value).split())


def clean_cell(value: str) -> str:
    """A cell for a message: line breaks kept as `\\n`, controls and invisible marks removed."""
    if not value.isprintable():
        value = _without_invisible(value.replace("\r\n", "\n").replace("\r", "\n"))
    return value.strip()


def _without_invisible(value: str) -> str:
    if value.isprintable():
        return value
    return _INVISIBLE.sub("", value.replace("\x0b", " ").replace("\x0c", " ").replace("\r", " "))


class _Check:
    """What one pass over the rows remembers."""

    def __init__(
        self,
        suppressed: Suppressed,
        already_sent: frozenset[str],
        *,
        allow_foreign: bool,
        max_problems: int,
    ) -> None:
        self._already_sent = already_sent
        self._is_suppressed = (
            suppressed.__contains__ if isinstance(suppressed, frozenset) else suppressed
        )
        self._allow_foreign = allow_foreign
        self._first_of: dict[str, int] = {}
        self._reasons: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._max_problems = max_problems
        self._problems: list[Problem] = []
        self._remarks: list[Remark] = []
        self._valid = 0
        #: as written -> cleaned
        self.columns: dict[str, str] = {}

    def row(self, position: int, row: Mapping[str, object]) -> Contact | SkippedContact:
        name = clean_line(_text(row.get("nome")))[:MAX_NAME].rstrip()
        raw_phone = row.get("telefone")
        variables = self._variables(row)
        phone, fault = self._judge(position, name, raw_phone)
        if fault is not None:
            self._note(fault)
            given = clean_line(_text(raw_phone)[:MAX_NAME])
            return SkippedContact(position, name, given, variables, fault.reason)
        self._first_of[phone.digits] = position
        self._warnings.update(phone.warnings)
        if phone.warnings and len(self._remarks) < self._max_problems:
            self._remarks += (Remark(position, code) for code in phone.warnings)
        self._valid += 1
        return Contact(position, name, phone.digits, variables)

    def summary(self) -> Validation:
        return Validation(
            valid=self._valid,
            skipped=self._reasons.total(),
            reasons=dict(self._reasons),
            first_problems=tuple(self._problems),
            warnings=dict(self._warnings),
            remarks=tuple(self._remarks),
        )

    def _judge(self, position: int, name: str, raw: object) -> tuple[Phone, Problem | None]:
        if not name:
            return _NOBODY, Problem(position, "nome", "empty_name", _MESSAGES["empty_name"])
        try:
            phone = self._phone(raw)
        except InvalidPhone as error:
            return _NOBODY, Problem(
                position, "telefone", "invalid_phone", str(error), detail=error.reason
            )
        first = self._first_of.get(phone.digits)
        if first is not None:
            message = f"mesmo telefone que contacts[{first}]"
            return phone, Problem(position, "telefone", "duplicate", message, same_as=first)
        if self._is_suppressed(phone.digits):
            return phone, Problem(position, "telefone", "suppressed", _MESSAGES["suppressed"])
        if phone.digits in self._already_sent:
            return phone, Problem(position, "telefone", "already_sent", _MESSAGES["already_sent"])
        return phone, None

    def _phone(self, raw: object) -> Phone:
        if isinstance(raw, (str, int, float)):
            return parse_phone(raw, allow_foreign=self._allow_foreign)  # type: ignore[arg-type]
        raise InvalidPhone("empty" if raw is None else "invalid")

    def _note(self, problem: Problem) -> None:
        self._reasons[problem.reason] += 1
        if len(self._problems) < self._max_problems:
            self._problems.append(problem)

    def _variables(self, row: Mapping[str, object]) -> dict[str, str]:
        variables: dict[str, str] = {}
        for written, value in row.items():
            if written in ("nome", "telefone"):
                continue
            column = self.columns.get(written)
            if column is None:
                column = self._new_column(written)
            if not column:
                self._warnings["column_dropped"] += 1
            elif column not in variables:
                variables[column] = self._cell(value)
        return variables

    def _new_column(self, written: str) -> str:
        column = clean_line(written[:MAX_NAME])
        if column and len(self.columns) < MAX_COLUMNS:
            self.columns[written] = column
            return column
        return ""  # not remembered: a hostile list may name a million columns

    def _cell(self, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self._warnings["value_ignored"] += 1
            return ""
        cell = clean_cell(_text(value))
        if len(cell) * 4 <= MAX_CELL_BYTES or len(encoded := cell.encode()) <= MAX_CELL_BYTES:
            return cell
        self._warnings["cell_cut"] += 1
        return encoded[:MAX_CELL_BYTES].decode(errors="ignore")


_NOBODY: Final = Phone("", "other")


def _text(value: object) -> str:
    """Text or number as written (10.0 is 10); anything else, or a page of digits, is empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    if not -1e30 < value < 1e30 or not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) else str(value)
