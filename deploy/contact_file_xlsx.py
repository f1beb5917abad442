"""The first filled sheet of an XLSX as numbered records."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Final

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from deploy.contact_file_error import ContactFileError

MAX_UNPACKED_BYTES: Final = 50 * 1024 * 1024
MAX_RATIO: Final = 100
_RATIO_MATTERS_FROM: Final = 1024 * 1024  # a small file may compress as well as it likes
_MAX_PARTS: Final = 2_000
_CHUNK: Final = 256 * 1024
#: calamine lays a sheet out as a full rectangle: one filled cell far away would cost gigabytes.
_MAX_AREA: Final = 12_000_000
_FILLED_CELL: Final = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')
_LONGEST_TAG: Final = 200

_DAMAGED: Final = "This .xlsx file is damaged and cannot be opened."


def xlsx_records(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells) of the first sheet that holds anything. Raises ContactFileError."""
    _check_archive(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for sheet in _visible_first(workbook):
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            if any(cell != "" for row in rows for cell in row):
                return ((line, [_text(cell) for cell in row]) for line, row in enumerate(rows, 1))
    except CalamineError as error:
        raise ContactFileError(_DAMAGED) from error
    return iter(())


def _visible_first(workbook: CalamineWorkbook) -> list[str]:
    hidden = {
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible is not SheetVisibleEnum.Visible
    }
    return sorted(workbook.sheet_names, key=hidden.__contains__)


def _check_archive(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise ContactFileError("This is a zip archive, not an .xlsx file: unpack it first.")
            if len(parts) > _MAX_PARTS:
                raise ContactFileError(_DAMAGED)
            unpacked = 0
            for part in parts:
                unpacked = _unpack(archive, part, unpacked)
                if unpacked > max(_RATIO_MATTERS_FROM, MAX_RATIO * len(content)):
                    raise ContactFileError("This .xlsx unpacks to more than 100 times its size.")
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise ContactFileError(_DAMAGED) from error


def _unpack(archive: zipfile.ZipFile, part: zipfile.ZipInfo, unpacked: int) -> int:
    """Unpack one part to nowhere; the size it claims for itself is not believed."""
    part.file_size = MAX_UNPACKED_BYTES + 1
    is_sheet = part.filename.startswith("xl/worksheets/")
    with archive.open(part) as stream:
        rest, columns, rows = b"", 1, 1
        for chunk in _chunks(stream):
            unpacked += len(chunk)
            if unpacked > MAX_UNPACKED_BYTES:
                raise ContactFileError(
                    f"This .xlsx unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB."
                )
            if is_sheet:
                columns, rows = _extent(rest + chunk, columns, rows)
                rest = chunk[-_LONGEST_TAG:]
    return unpacked


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _extent(xml: bytes, columns: int, rows: int) -> tuple[int, int]:
    for letters, row in _FILLED_CELL.findall(xml):
        rows = max(rows, int(row))
        number = 0
        for letter in letters:
            number = number * 26 + letter - 64
        columns = max(columns, number)
    if columns * rows > _MAX_AREA:
        raise ContactFileError(
            f"This sheet has {rows:,} rows and {columns:,} columns:"
            " delete the cells far from the list."
        )
    return columns, rows


def _text(cell: object) -> str:
    """A cell as a person reads it: 10.0 is 10, dates in the Brazilian order."""
    if isinstance(cell, bool):
        return "sim" if cell else "não"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, (date, time)):
        return cell.strftime(_format(cell))
    return str(cell).replace("\0", "")


def _format(cell: date | time) -> str:
    if isinstance(cell, time):
        return "%H:%M"
    if isinstance(cell, datetime) and (cell.hour, cell.minute) != (0, 0):
        return "%d/%m/%Y %H:%M"
    return "%d/%m/%Y"
