import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.contacts import (
    MAX_CELL_BYTES,
    MAX_COLUMNS,
    Contact,
    Remark,
    SkippedContact,
    check_contacts,
)


def person(
    nome: object = "Ana", telefone: object = "11987654321", **more: object
) -> dict[str, Any]:
    return {"nome": nome, "telefone": telefone, **more}


def test_rows_keep_their_order_and_place() -> None:
    checked = check_contacts([person(), person(""), person("Bia", "1133334444")])
    assert [entry.position for entry in checked.entries] == [0, 1, 2]
    assert checked.entries[0] == Contact(0, "Ana", "5511987654321", {})
    assert checked.entries[1] == SkippedContact(1, "", "11987654321", {}, "empty_name")
    assert checked.validation.warnings == {"landline": 1}
    assert checked.validation.remarks == (Remark(2, "landline"),)


def test_the_summary_counts_and_explains() -> None:
    rows = [person(), person("Eu", "11 8765-4321"), person("Bo", "x"), person("Cy", "21987654321")]
    validation = check_contacts(rows, suppressed=frozenset({"5521987654321"})).validation
    assert (validation.valid, validation.skipped) == (1, 3)
    assert validation.reasons == {"duplicate": 1, "invalid_phone": 1, "suppressed": 1}
    first = validation.first_problems[0]
    assert (first.index, first.field, first.reason) == (1, "telefone", "duplicate")
    assert (first.message, first.same_as) == ("mesmo telefone que contacts[0]", 0)
    assert validation.first_problems[1].detail == "letters"


def test_a_row_that_is_not_sent_does_not_make_the_next_a_duplicate() -> None:
    checked = check_contacts([person(""), person("Ana")])
    assert [type(entry) for entry in checked.entries] == [SkippedContact, Contact]


def test_suppression_is_asked_with_canonical_digits_and_for_each_row() -> None:
    asked: list[str] = []
    rows = [person(telefone="1187654321"), person(telefone="+55 11 98765-4321")]
    checked = check_contacts(rows, suppressed=lambda digits: not asked.append(digits))
    assert asked == ["5511987654321"] * 2
    assert checked.validation.reasons == {"suppressed": 2}


def test_at_most_a_hundred_problems_are_listed() -> None:
    validation = check_contacts([person("")] * 250).validation
    assert validation.reasons == {"empty_name": 250}
    assert len(validation.first_problems) == 100
    all_of_them = check_contacts([person("")] * 250, max_problems=250).validation
    assert len(all_of_them.first_problems) == 250


def test_missing_or_strange_values_are_reasons_not_errors() -> None:
    rows: list[dict[str, Any]] = [
        {}, person(None), person(["x"]), person(telefone=None), person(telefone=[1]),
        person(telefone=True), person("\u200b \x00"),
    ]  # fmt: skip
    assert check_contacts(rows).validation.reasons == {"empty_name": 4, "invalid_phone": 3}


def test_names_and_cells_are_cleaned() -> None:
    row = person("  Ana\t Maria\x07\u202e\ud800 ", nota=" a\r\nb\x00 ", emoji="👩\u200d👧")
    [entry] = check_contacts([row]).entries
    assert entry.name == "Ana Maria"
    assert entry.variables == {"nota": "a\nb", "emoji": "👩\u200d👧"}


def test_text_and_numbers_become_variables() -> None:
    row = person(pedido=10, total=10.0, peso=1.5, vazio=None, sim=True, lista=[1], nan=float("nan"))
    checked = check_contacts([row])
    assert checked.entries[0].variables == {
        "pedido": "10", "total": "10", "peso": "1.5", "vazio": "", "sim": "", "lista": "",
        "nan": "",
    }  # fmt: skip
    assert checked.validation.warnings == {"value_ignored": 2}
    assert checked.columns == ("pedido", "total", "peso", "vazio", "sim", "lista", "nan")


def test_columns_and_cells_are_bounded() -> None:
    wide = person(**{f"c{n}": "x" for n in range(80)}) | {"c0": "é" * 5000, "": "unnamed"}
    checked = check_contacts([wide, person("Bo", "21987654321", outra="x")])
    assert len(checked.columns) == MAX_COLUMNS
    assert len(checked.entries[0].variables["c0"].encode()) == MAX_CELL_BYTES
    assert checked.validation.warnings == {"column_dropped": 32, "cell_cut": 1}


def test_other_countries_only_if_allowed() -> None:
    rows = [person(telefone="+351 912 345 678")]
    assert check_contacts(rows).validation.valid == 0
    assert check_contacts(rows, allow_foreign=True).validation.valid == 1


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.one_of(st.sampled_from(["nome", "telefone"]), st.text(max_size=5)), VALUES
        ),
        max_size=15,
    )
)
def test_any_rows_add_up(rows: list[dict[str, Any]]) -> None:
    checked = check_contacts(rows)
    assert len(checked.entries) == len(rows)
    assert checked.validation.valid == len(list(checked.sendable()))
    assert checked.validation.skipped == len(list(checked.skipped()))
    assert sum(checked.validation.reasons.values()) == checked.validation.skipped
    for entry in checked.entries:
        for text in (entry.name, entry.phone, *entry.variables.values()):
            assert "\0" not in text
            text.encode()  # no half of a surrogate pair


def test_ten_thousand_rows_take_less_than_400_ms() -> None:
    rows = [
        person(f"João da Silva {n}", f"(11) 9{n:04d}-4321", cidade="São Paulo", pedido=n)
        for n in range(10_000)
    ]
    best = 9.0
    for _ in range(3):
        begun = time.perf_counter()
        assert check_contacts(rows).validation.valid == 10_000
        best = min(best, time.perf_counter() - begun)
    assert best < 0.4
