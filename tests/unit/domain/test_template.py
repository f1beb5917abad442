import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.template import render, template_variables, unknown_variables

ANA = {"nome": "Ana Maria", "telefone": "5511987654321", "Data de Início": "10/05", "vazio": ""}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Olá {{nome}}!", "Olá Ana Maria!"),
        ("{{ NOME }}{{\tnome}}", "Ana MariaAna Maria"),
        ("{{primeiro_nome}}, {{Primeiro Nome}}", "Ana, Ana"),
        ("{{data de inicio}} {{DATA_DE_INÍCIO}}", "10/05 10/05"),
        ("{{telefone}}", "5511987654321"),
        ("[{{vazio}}][{{nunca}}]", "[][]"),
        ("{nome} {{}} {{ }} {{nome} {{a\nb}}", "{nome} {{}} {{ }} {{nome} {{a\nb}}"),
        ("{{{nome}}}", "{Ana Maria}"),
        ("{{nome.__class__}}{{nome!r}}{% if %}", "{% if %}"),
        ("\\1 \\g<0> {{nome}}", "\\1 \\g<0> Ana Maria"),
    ],
)
def test_render(template: str, text: str) -> None:
    assert render(template, ANA) == text


def test_values_are_never_expanded() -> None:
    values = {"nome": "{{telefone}} \\1", "telefone": "{{nome}}", "a": "{{", "b": "nome}}"}
    assert render("{{nome}}|{{a}}{{b}}", values) == "{{telefone}} \\1|{{nome}}"


def test_a_column_called_primeiro_nome_wins_over_the_derived_one() -> None:
    assert render("{{primeiro_nome}}", {"nome": "Ana Maria", "Primeiro Nome": "Aninha"}) == "Aninha"


def test_the_first_of_two_columns_that_read_alike_is_meant() -> None:
    assert render("{{CIDADE}}", {"nome": "A", "cidade": "1", "Cidade": "2"}) == "1"


def test_template_variables_as_written_each_once() -> None:
    assert template_variables("{{ Nome }}{{nome}} {{cidade}} {{}}") == ["Nome", "cidade"]


def test_unknown_variables() -> None:
    template = "{{nome}} {{Primeiro_Nome}} {{telefone}} {{CIDADE}} {{cidad}} {{Cidad}}"
    assert unknown_variables(template, ["cidade"]) == ["cidad"]


@settings(max_examples=200, deadline=None)
@given(st.text("{}nome \né", max_size=60), st.text("{}nome", max_size=10))
def test_any_template_renders_in_one_pass(template: str, name: str) -> None:
    text = render(template, {"nome": name})
    assert "{{" in template or text == template


@pytest.mark.parametrize("piece", ["{{", "{{a", "{{ ", "}}", "{{nome}}", "{" + "a" * 119])
def test_time_is_linear(piece: str) -> None:
    template = piece * (400_000 // len(piece))
    begun = time.perf_counter()
    render(template, {"nome": "Ana"})
    assert time.perf_counter() - begun < 1
