"""Exported cells: shown as they are, never run."""

import io
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from api.spreadsheets import csv_cell, xlsx_file

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "|cmd",
    "%0A",
    "＝1+1",
    "－1",
    "−1",
    " =1",
    "\u00a0=1",
    "\ufeff=1",
    "\u200b=1",
    "\u200d\u2060=1",
    "\u3164=1",
    "\u2800=1",
    "\U000e0041=1",
    "\t=1",
    "\x00=1",
    '"=1',
]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    shown = csv_cell(text)
    assert shown.startswith("'")
    assert shown.replace("'", "") == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (";=1+1", ";'=1+1"),
        ("Ana;=1+1", "Ana;'=1+1"),
        ("Ana; \u200b@x", "Ana;' \u200b@x"),
        ('Ana;"=1+1', "Ana;'\"=1+1"),
        ("Ana\n=1+1", "Ana\n'=1+1"),
        ("Ana\t-1", "Ana\t'-1"),
    ],
)
def test_cells_that_another_separator_would_make_are_quoted_too(text: str, shown: str) -> None:
    assert csv_cell(text) == shown


@pytest.mark.parametrize("text", ["Ana", "", "5511999999999", "a=b", "10%", "um; dois", "'=1"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert csv_cell(text) == text


def test_numbers_instants_and_nothing() -> None:
    at = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
    assert [csv_cell(value) for value in (None, -3, 1.5, at)] == [
        "",
        "-3",
        "1.5",
        "2026-01-14T12:00:00.000Z",
    ]


def read_back(rows: list[list[Any]]) -> tuple[list[list[Any]], Any]:
    raw = b"".join(xlsx_file(rows))
    book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
    return book.get_sheet_by_index(0).to_python(), load_workbook(io.BytesIO(raw)).active


def test_a_spreadsheet_reads_back_as_written() -> None:
    rows = [["nome", "n"], ["Ana\nMaria", 3], ["é 😀 <&>", None]]
    shown, _ = read_back(rows)
    assert shown == [["nome", "n"], ["Ana\nMaria", 3.0], ["é 😀 <&>", ""]]


def test_no_text_becomes_a_formula_a_number_or_an_error() -> None:
    texts = [text for text in FORMULAS if text.isprintable()] + ["5511999999999", "#N/A", "TRUE"]
    shown, sheet = read_back([[text] for text in texts])
    assert [row[0] for row in shown] == texts
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}


def test_characters_that_xml_cannot_hold_are_dropped() -> None:
    shown, _ = read_back([["a\x00b\x0bc\ufffed\ud800"]])
    assert shown == [["abcd"]]


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in xlsx_file([f"Pessoa {at}", "x" * 500] for at in range(count)):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(4000) < peak(400) * 2
