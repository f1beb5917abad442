"""Cells that a spreadsheet shows and never runs: text for CSV, and XLSX files row by row."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from shared.events.models import iso

_CHUNK: Final = 64 * 1024
#: Controls, spaces, joiners, fillers and marks: what nobody sees before a formula's first sign.
_INVISIBLE: Final = (
    "\\x00-\\x20\\x7f-\\xa0\\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SIGNS: Final = "=+@|%\\-\u2212\ufe62\ufe63\ufe66\ufe6a\ufe6b\uff05\uff0b\uff0d\uff1d\uff20\uff5c"
#: A formula at the start of a cell, or where a reader that splits at `;`, tab or line ends (as
#: spreadsheets do in Brazil, quotes or not) would start a cell.
_FORMULA: Final = re.compile(f'(^|[;\t\r\n])(?=[{_INVISIBLE}"]*[{_SIGNS}])')
_NOT_XML: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")


def csv_cell(value: Any) -> str:
    """Text of a CSV cell; what could be read as a formula gets a `'` before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _FORMULA.sub(r"\1'", value)
    return _plain(value)


def xlsx_file(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """An XLSX file of one sheet, in pieces. Rows go to disk as they come; texts stay texts."""
    from openpyxl import Workbook  # 175 modules, for the rare export as XLSX

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Mensagens")
    for row in rows:
        sheet.append([_xlsx_cell(sheet, value) for value in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115  read, and closed, after this has returned
    try:
        book.save(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return _pieces(file)


def _pieces(file: Any) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK):
            yield piece


def _xlsx_cell(sheet: Any, value: Any) -> Any:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    text = _NOT_XML.sub("", ILLEGAL_CHARACTERS_RE.sub("", _plain(value)))
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # openpyxl takes what begins with "=" for a formula
    return cell


def _plain(value: Any) -> str:
    return iso(value) if hasattr(value, "isoformat") else str(value)
