"""CSV of any common dialect as numbered records."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from deploy.contact_file_error import ContactFileError

_DELIMITERS: Final = ";\t|,"  # in this order where nothing else decides
_SNIFF_RECORDS: Final = 30
_MAX_FIELD: Final = 131_072  # characters; the csv module's own default

#: What people pick by mistake, by first bytes.
_FOREIGN: Final = (
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel file, or one with a password: save it as plain .xlsx or CSV",
    ),
    (b"%PDF", "a PDF: export the list as CSV or .xlsx"),
    (b"\x1f\x8b", "compressed: unpack it first"),
    (b"{\\rtf", "a text document: save the list as CSV or .xlsx"),
)

HeaderScore = Callable[[Sequence[str]], int]


def csv_records(content: bytes, *, score_header: HeaderScore) -> Iterator[tuple[int, list[str]]]:
    """Yield (line the record begins on, cells). Raises ContactFileError.

    `score_header` says how well a first record suits, to choose between delimiters.
    """
    text = _decode(content)
    declared = re.match(r'"?sep=(.)"?[^\S\n]*\r?\n', text, re.IGNORECASE)
    if declared:
        return _read(text[declared.end() :], declared[1], first_line=2)
    return _read(text, _delimiter(text, score_header), first_line=1)


def _decode(content: bytes) -> str:
    for start, what in _FOREIGN:
        if content.startswith(start):
            raise ContactFileError(f"This file is {what}.")
    try:
        text = _decode_unicode(content)
    except UnicodeDecodeError as error:
        raise ContactFileError("This file is not text in any encoding known here.") from error
    controls = len(re.findall(r"[\x00-\x08\x0e-\x1f]", text[:10_000]))
    if controls * 10 > min(len(text), 10_000):
        raise ContactFileError("This file is not a list: it is neither CSV text nor .xlsx.")
    return text.replace("\0", "")


def _decode_unicode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    if content[1:200:2].count(0) > len(content[1:200:2]) * 0.8:  # UTF-16 without its mark
        return content.decode("utf-16-le")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _delimiter(text: str, score_header: HeaderScore) -> str:
    """The delimiter under which the first records agree best."""

    def score(delimiter: str) -> tuple[int, float, int]:
        rows = [cells for cells in _sample(text, delimiter) if any(map(str.strip, cells))]
        widths = Counter(map(len, rows))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width == 1:
            return 0, 0.0, 0
        return score_header(rows[0]), count / len(rows), min(width, 2)

    return max(_DELIMITERS, key=score)


def _sample(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(islice(reader, _SNIFF_RECORDS))
    except csv.Error:
        return []


def _read(text: str, delimiter: str, *, first_line: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    width = 0
    line = first_line
    try:
        for cells in reader:
            width = width or len(cells)
            for cell in cells:
                if "\n" in cell or "\r" in cell:
                    _check_quote(cell, delimiter, width, line)
            yield line, cells
            line = first_line + reader.line_num
    except csv.Error as error:
        raise ContactFileError(f"Line {line}: {_csv_problem(error)}.") from error


def _check_quote(cell: str, delimiter: str, width: int, line: int) -> None:
    """A cell that holds whole records was opened by a quote nobody closed: people would be lost."""
    swallowed = cell.splitlines()[1:]
    if any(row.count(delimiter) >= max(width - 1, 1) for row in swallowed):
        raise ContactFileError(f"Line {line}: a quote is opened here and never closed.")


def _csv_problem(error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"a cell is longer than {_MAX_FIELD:,} characters (is a quote left open?)"
    return f"this is not CSV ({error})"
