"""Contact lists as people keep them: CSV of any dialect, or the first filled sheet of an XLSX.

Reading is tolerant of form (delimiters, encodings, headings, ragged rows) and strict about
size. What a row *holds* is judged later, by `shared.domain.contacts`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.contact_file_csv import csv_records
from deploy.contact_file_error import ContactFileError
from deploy.contact_file_xlsx import xlsx_records

__all__ = ["ContactFile", "ContactFileError", "read_contact_file"]

MAX_FILE_BYTES: Final = 50 * 1024 * 1024
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 50
MAX_CELL_BYTES: Final = 4096
MAX_WARNINGS: Final = 20
_SAMPLE: Final = 200  # rows looked at to recognise a column by what it holds

#: Headings by how surely they name the column; the first found wins.
_NAME_HEADINGS: Final = (
    "nome", "name", "nome completo", "full name", "cliente", "contato", "contact",
    "primeiro nome", "first name", "destinatario", "pessoa", "aluno", "paciente",
)  # fmt: skip
_PHONE_HEADINGS: Final = (
    "whatsapp", "whats", "wpp", "zap", "celular", "cel", "mobile", "telefone", "phone", "fone",
    "tel", "telephone", "numero", "number", "n", "contato", "contact",
)  # fmt: skip
#: Headings that also name other things (a house, a person): believed only if phones are below.
_WEAK: Final = frozenset({"numero", "number", "n", "contato", "contact"})

Records = Iterable[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class ContactFile:
    """A list ready to submit.

    `rows` have the keys `nome`, `telefone` and the file's other columns; `line_numbers[i]` is
    the line (CSV) or row (XLSX) of `rows[i]` as an editor shows it; `warnings` are sentences.
    """

    rows: list[dict[str, str]]
    columns: tuple[str, ...]
    line_numbers: list[int]
    warnings: list[str] = field(default_factory=list)


def read_contact_file(path: str | Path) -> ContactFile:
    """Read a contact list. Raises ContactFileError with one sentence that says what is wrong."""
    path = Path(path)
    content = _content(path)
    if content.startswith(b"PK\x03\x04"):
        records = xlsx_records(content)
    else:
        records = csv_records(content, score_header=_header_score)
    table = _table(records)
    if not table:
        raise ContactFileError(f"{path.name} has no rows.")
    if len(table) == 1 and _looks_like_heading(table[0][1]):
        raise ContactFileError(f"{path.name} has a heading but no contacts below it.")
    columns, body = _columns_of(table)
    result = _contact_file(columns, body)
    if len(body) < len(table) and not _header_score(table[0][1]):
        result.warnings.insert(0, f"Line {table[0][0]} was taken for the heading.")
    return result


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ContactFileError(f"{path} is a folder, not a file.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ContactFileError(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB.")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ContactFileError(f"There is no file {path}.") from error
    except OSError as error:
        raise ContactFileError(f"{path} cannot be read: {error.strerror}.") from error
    if not content.strip(b"\0\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise ContactFileError(f"{path.name} is empty.")
    return content


def _table(records: Records) -> list[tuple[int, list[str]]]:
    """All non-empty records, inside the limits."""
    table = []
    for line, cells in records:
        if not any(map(str.strip, cells)):
            continue
        _check_limits(line, cells)
        table.append((line, cells))
        if len(table) > MAX_ROWS + 1:
            raise ContactFileError(f"Line {line}: a file may have at most {MAX_ROWS:,} rows.")
    return table


def _check_limits(line: int, cells: Sequence[str]) -> None:
    if len(cells) > MAX_COLUMNS and any(map(str.strip, cells[MAX_COLUMNS:])):
        raise ContactFileError(f"Line {line}: a file may have at most {MAX_COLUMNS} columns.")
    for number, cell in enumerate(cells, 1):
        if len(cell) * 4 > MAX_CELL_BYTES and len(cell.encode()) > MAX_CELL_BYTES:
            raise ContactFileError(
                f"Line {line}: the cell in column {number} is longer than {MAX_CELL_BYTES} bytes"
                " (is a quote left open?)."
            )


def _columns_of(
    table: list[tuple[int, list[str]]],
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The key of each column, and the rows below the heading (all of them without one)."""
    header, body = table[0][1], table[1:]
    sample = [cells for _, cells in body[:_SAMPLE]]
    headings = [_fold(cell) for cell in header]
    if _looks_like_heading(header):
        phone = _heading_index(headings, _PHONE_HEADINGS, sample, phones=True)
        phone = _phone_index(sample) if phone is None else phone
        names = _heading_index(headings, _NAME_HEADINGS, sample, phones=False, taken=phone)
    else:
        header, body = [], table
        sample = [cells for _, cells in body[:_SAMPLE]]
        phone, names = _phone_index(sample), None
    if phone is None:
        raise ContactFileError(
            "No column with phones was found: name one telefone (or phone, celular, whatsapp)."
        )
    names = _name_index(sample, phone) if names is None else names
    if names is None:
        raise ContactFileError("No column with names was found: name one nome (or name, cliente).")
    width = len(header) or max(len(cells) for cells in sample)
    return _keys(header, min(width, MAX_COLUMNS), names, phone), body


def _looks_like_heading(cells: Sequence[str]) -> bool:
    """A heading holds no phone; a list without one begins with a person's."""
    return not any(_is_phone_like(cell) for cell in cells)


def _heading_index(
    headings: Sequence[str],
    known: Sequence[str],
    sample: Sequence[Sequence[str]],
    *,
    phones: bool,
    taken: int | None = None,
) -> int | None:
    """The column whose heading is, or else contains as a word, the best known one."""
    for exact in (True, False):
        for word in known:
            for index, heading in enumerate(headings):
                fits = heading == word if exact else f" {word} " in f" {heading} "
                if not fits or index == taken:
                    continue
                if phones and word in _WEAK and _phone_share(sample, index) < 0.5:
                    continue
                if not phones and _phone_share(sample, index) > 0.5:
                    continue
                return index
    return None


def _phone_index(sample: Sequence[Sequence[str]]) -> int | None:
    """The column that holds mostly phones, the first of the best."""
    width = max((len(cells) for cells in sample), default=0)
    share, index = max(
        ((_phone_share(sample, index), -index) for index in range(width)), default=(0.0, 0)
    )
    return -index if share >= 0.5 else None


def _name_index(sample: Sequence[Sequence[str]], phone: int) -> int | None:
    """The first column, past the phones, that holds mostly words."""
    width = max((len(cells) for cells in sample), default=0)
    for index in range(width):
        cells = [cell for cell in _column(sample, index) if cell]
        words = sum(1 for cell in cells if re.search(r"[^\W\d_]{2}", cell) and "@" not in cell)
        if index != phone and cells and words * 2 >= len(cells):
            return index
    return None


def _phone_share(sample: Sequence[Sequence[str]], index: int) -> float:
    cells = [cell for cell in _column(sample, index) if cell]
    return sum(map(_is_phone_like, cells)) / len(cells) if cells else 0.0


def _column(sample: Sequence[Sequence[str]], index: int) -> Iterator[str]:
    return (cells[index].strip() for cells in sample if index < len(cells))


def _is_phone_like(cell: str) -> bool:
    """8 to 15 digits and little else: no date, no CPF (dots and dash), no e-mail."""
    cell = cell.strip()
    if not re.fullmatch(r"[=\"'+()\d\s./\-–‑_\u200e\u202a-\u202c]+(?:[.,]\d+[eE]\+?\d+)?", cell):
        return False
    if re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d\d|\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}.*", cell):
        return False
    return 8 <= sum(map(str.isdigit, cell)) <= 15


def _keys(header: Sequence[str], width: int, names: int, phone: int) -> list[str]:
    """A key for each column, all different; the two required ones under the wire's names."""
    width = max(width, names + 1, phone + 1)
    taken = {"nome", "telefone"}
    keys = []
    for index in range(width):
        if index in (names, phone):
            keys.append("nome" if index == names else "telefone")
            continue
        heading = " ".join(header[index].split())[:100] if index < len(header) else ""
        key = base = heading or f"coluna_{index + 1}"
        number = 2
        while key.casefold() in taken:
            key, number = f"{base}_{number}", number + 1
        taken.add(key.casefold())
        keys.append(key)
    return keys


def _contact_file(keys: list[str], body: list[tuple[int, list[str]]]) -> ContactFile:
    result = ContactFile(rows=[], columns=tuple(keys), line_numbers=[])
    for line, cells in body:
        if any(map(str.strip, cells[len(keys) :])) and len(result.warnings) < MAX_WARNINGS:
            result.warnings.append(
                f"Line {line} has more cells than there are columns; what is past them is left out."
            )
        padded = [cell.strip() for cell in cells] + [""] * (len(keys) - len(cells))
        result.rows.append(dict(zip(keys, padded, strict=False)))
        result.line_numbers.append(line)
    return result


def _header_score(cells: Sequence[str]) -> int:
    """How much a first record looks like ours: headings known, and a phone or a name in it."""
    folded = {_fold(cell) for cell in cells}
    return sum(not folded.isdisjoint(known) for known in (_NAME_HEADINGS, _PHONE_HEADINGS))


def _fold(heading: str) -> str:
    """Case, accents and punctuation away: `Nº do Telefone (c/ DDD)` is `n do telefone c ddd`."""
    decomposed = unicodedata.normalize("NFD", heading.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())
