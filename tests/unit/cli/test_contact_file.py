import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.contact_file import ContactFile, ContactFileError, read_contact_file

ANA = {"nome": "Ana Conceição", "telefone": "11987654321"}


def read(tmp_path: Path, content: bytes | str, name: str = "lista.csv") -> ContactFile:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_contact_file(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_delimiters_and_encodings(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = f"nome{delimiter}telefone\r\nAna Conceição{delimiter}11987654321\r\n"
    assert read(tmp_path, text.encode(encoding)).rows == [ANA]


def test_utf_16_big_endian_and_latin_1(tmp_path: Path) -> None:
    text = "nome;telefone\nAna Conceição;11987654321\n"
    assert read(tmp_path, b"\xfe\xff" + text.encode("utf-16-be")).rows == [ANA]
    assert read(tmp_path, text.encode("latin-1") + b"\x81;11\n").rows[0] == ANA


def test_excel_s_sep_line_counts_as_a_line(tmp_path: Path) -> None:
    found = read(tmp_path, "sep=|\r\nnome|telefone\r\nAna Conceição|11987654321\r\n")
    assert (found.rows, found.line_numbers) == ([ANA], [3])


def test_quotes_newlines_blank_lines_and_line_numbers(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '\nnome;telefone;nota\n\n"Silva; Ana";11987654321;"a\nb"\n;;\n"Zé ""Z""";1133334444;x\n',
    )
    assert [row["nome"] for row in found.rows] == ["Silva; Ana", 'Zé "Z"']
    assert found.rows[0]["nota"] == "a\nb"
    assert found.line_numbers == [4, 7]


def test_ragged_rows_are_padded_and_long_ones_reported(tmp_path: Path) -> None:
    found = read(tmp_path, "nome;telefone;cidade\nAna;11987654321\nBia;2133334444;Rio;sobra\n")
    assert found.rows[0] == {"nome": "Ana", "telefone": "11987654321", "cidade": ""}
    assert found.warnings == [
        "Line 3 has more cells than there are columns; what is past them is left out."
    ]


def test_nul_is_dropped(tmp_path: Path) -> None:
    assert read(tmp_path, "nome;telefone\nA\0na Conceição;11987654321\n").rows == [ANA]


@pytest.mark.parametrize(
    "header",
    [
        "NOME;TELEFONE", "Name;Phone", "Cliente;Celular", "Contato;WhatsApp", "Primeiro Nome;Fone",
        "Nome completo;Número", "nome do cliente;Nº do Telefone (c/ DDD)", "Contact;Mobile",
        "Cliente;Contato", "Aluno;coisa", "nome;tel.",
    ],
)  # fmt: skip
def test_headings_people_use(tmp_path: Path, header: str) -> None:
    assert read(tmp_path, f"{header}\nAna Conceição;11987654321\n").rows == [ANA]


def test_the_whatsapp_column_is_preferred_and_others_stay_variables(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "ID;Telefone;Nome;WhatsApp;Número\n7;1133334444;Ana Conceição;11987654321;120\n",
    )
    assert found.rows == [{"ID": "7", "Telefone_2": "1133334444", **ANA, "Número": "120"}]


def test_columns_with_the_same_or_no_heading_get_names_of_their_own(tmp_path: Path) -> None:
    found = read(tmp_path, "nome;telefone;cidade;cidade;\nAna;11987654321;a;b;c\n")
    assert found.columns == ("nome", "telefone", "cidade", "cidade_2", "coluna_5")


def test_without_a_heading_the_columns_are_told_by_what_they_hold(tmp_path: Path) -> None:
    found = read(tmp_path, "1;(11) 98765-4321;Ana;SP\n2;11 3333-4444;Bia;RJ\n")
    assert found.rows[0] == {
        "coluna_1": "1", "telefone": "(11) 98765-4321", "nome": "Ana", "coluna_4": "SP",
    }  # fmt: skip
    assert found.line_numbers == [1, 2]


def test_an_unknown_heading_is_mentioned(tmp_path: Path) -> None:
    found = read(tmp_path, "João,sem numero\nAna,11987654321\n")
    assert found.warnings == ["Line 1 was taken for the heading."]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \n", "is empty"),
        (b"nome;telefone\n", "heading but no contacts"),
        (b"nome;cidade\nAna;Rio\n", "No column with phones"),
        (b"telefone\n11987654321\n", "No column with names"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "neither CSV text nor .xlsx"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"PK\x03\x04 broken", "damaged"),
        (b'nome;telefone\n"Ana;11987654321\nBia;21987654321\n', "Line 2: a quote is opened here"),
        (
            b"nome;telefone\nAna;11987654321\n" + b"x" * 5000 + b";1\n",
            "Line 3: the cell in column 1",
        ),
        (b"nome;telefone;" + b";".join(b"c%d" % n for n in range(60)), "Line 1: .* 50 columns"),
        (b'nome;telefone\nAna;"' + b"1" * 140_000 + b'"\n', "Line 2: a cell is longer"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    with pytest.raises(ContactFileError, match=sentence):
        read(tmp_path, content)


def test_unreadable_paths(tmp_path: Path) -> None:
    with pytest.raises(ContactFileError, match="no file"):
        read_contact_file(tmp_path / "nada.csv")
    with pytest.raises(ContactFileError, match="a folder"):
        read_contact_file(tmp_path)


def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.contact_file.MAX_ROWS", 3)
    with pytest.raises(ContactFileError, match="Line 5: a file may have at most 3 rows"):
        read(tmp_path, "nome;telefone\n" + "Ana;11987654321\n" * 4)


def xlsx(rows: list[list[object]], *, hidden_first: bool = False) -> bytes:
    book = openpyxl.Workbook()
    if hidden_first:
        book.active.append(["segredo", "telefone"])
        book.active.sheet_state = "hidden"
        book.create_sheet("vazia")
        book.create_sheet("lista")
    for row in rows:
        book.worksheets[-1].append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_xlsx_cells_read_as_people_see_them(tmp_path: Path) -> None:
    header = ["Nome", "Celular", "pedido", "preço", "dia", "hora", "pago"]
    day, moment = date(2025, 12, 24), datetime.fromisoformat("2025-01-02T10:30")
    row = ["Ana", 11987654321, 7.0, 9.5, day, moment, True]
    found = read(tmp_path, xlsx([header, [], row], hidden_first=True), "lista.xlsx")
    assert found.rows == [
        {
            "nome": "Ana", "telefone": "11987654321", "pedido": "7", "preço": "9.5",
            "dia": "24/12/2025", "hora": "02/01/2025 10:30", "pago": "sim",
        }
    ]  # fmt: skip
    assert found.line_numbers == [3]


def archive(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"word/document.xml": b""}, "not an .xlsx"),
        ({"xl/workbook.xml": b"<a/>"}, "damaged"),
        ({"xl/workbook.xml": b"0" * 3_000_000}, "100 times"),
        (
            {
                "xl/workbook.xml": b"",
                "xl/worksheets/sheet1.xml": b'<c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c>',
            },
            "cells far from the list",
        ),
    ],
)
def test_hostile_archives(tmp_path: Path, parts: dict[str, bytes], sentence: str) -> None:
    with pytest.raises(ContactFileError, match=sentence):
        read(tmp_path, archive(parts), "lista.xlsx")


def test_an_archive_that_lies_about_its_size(tmp_path: Path) -> None:
    honest = archive({"xl/workbook.xml": b"0" * 3_000_000})
    lying = honest.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(ContactFileError, match="100 times"):
        read(tmp_path, lying, "lista.xlsx")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=300), st.text('nometelf;,"\n\r119 \0', max_size=200)))
def test_any_bytes_are_a_list_or_a_sentence(tmp_path: Path, content: bytes | str) -> None:
    try:
        found = read(tmp_path, content)
    except ContactFileError:
        return
    assert len(found.rows) == len(found.line_numbers) > 0
    assert all(tuple(row) == found.columns for row in found.rows)
    assert found.line_numbers == sorted(set(found.line_numbers))
