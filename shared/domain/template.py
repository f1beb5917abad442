"""Message templates: `{{nome}}` and any contact column, filled in one pass.

Values are text and never looked at again, so a contact called `{{telefone}}` stays exactly that.
Names ignore case, accents and the difference between a space, `_` and `-`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

#: Characters of a rendered message; the caller checks it after rendering.
MAX_TEXT: Final = 4096

#: Names every campaign has, whatever the list's columns.
BUILT_IN: Final = ("nome", "primeiro_nome", "telefone")

# The name can hold no brace, so a match never reaches past the next one: linear on any input.
_VARIABLE: Final = re.compile(r"\{\{([^{}\n]{1,120})\}\}")


def render(template: str, variables: Mapping[str, str]) -> str:
    """Fill `template`; a name without a value becomes empty.

    `variables` holds `nome`, `telefone` and the contact's columns; `primeiro_nome` is the
    first word of `nome` unless a column has that name. Where two columns differ only in case
    or accents, the first one is meant.
    """
    if "{{" not in template:
        return template
    values = _by_folded_name(variables)

    def value_of(match: re.Match[str]) -> str:
        folded = fold_name(match[1])
        return values.get(folded, "") if folded else match[0]

    return _VARIABLE.sub(value_of, template)


def named_values(template: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What `render` would fill in, by the names the template uses; nothing else."""
    values = _by_folded_name(variables)
    return {name: values.get(fold_name(name), "") for name in template_variables(template)}


def template_variables(template: str) -> list[str]:
    """The names a template uses, as written, each once."""
    names: dict[str, str] = {}
    for match in _VARIABLE.finditer(template):
        if folded := fold_name(match[1]):
            names.setdefault(folded, match[1].strip())
    return list(names.values())


def unknown_variables(template: str, known: Iterable[str]) -> list[str]:
    """Names the template uses that neither `known` (the list's columns) nor BUILT_IN has."""
    folded = {fold_name(name) for name in (*BUILT_IN, *known)}
    return [name for name in template_variables(template) if fold_name(name) not in folded]


def _by_folded_name(variables: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in variables.items():
        values.setdefault(fold_name(name), value)
    if "primeironome" not in values:
        values["primeironome"] = values.get("nome", "").partition(" ")[0]
    return values


@lru_cache(maxsize=4096)
def fold_name(name: str) -> str:
    """A name without case, accents, spaces, `_` and `-`."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(
        char
        for char in decomposed
        if not (unicodedata.combining(char) or char.isspace() or char in "_-")
    )
