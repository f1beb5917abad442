"""Words by which a person asks not to be written to again."""

import unicodedata

_WORDS = {"sair", "parar", "pare", "stop", "cancelar", "descadastrar", "remover"}


def is_opt_out(text: str) -> bool:
    """Whether the whole message is such a word; case, accents and punctuation are ignored."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if char.isalpha()) in _WORDS
