"""May a text a language model wrote be sent to this contact? On doubt it may not.

A model can be talked into things by what it is given, so what it says is judged by what the
campaign's own text and the contact's fields already say: no address, number or e-mail besides
those. A name never vouches for any: nobody is called like a link.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from shared.domain.model_prompt import CAMPAIGN_TAG, CONTACT_TAG, INSTRUCTION
from shared.domain.template import MAX_TEXT, fold_name, named_values

TextFault = Literal[
    "text_empty",
    "text_too_long",
    "text_control",
    "text_placeholder",
    "text_leaked",
    "text_email",
    "text_link",
    "text_phone",
    "text_language",
]

_NAMES: Final = frozenset({"nome", "primeironome"})
_JOINER: Final = "\u200d"  # between the parts of an emoji

_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
#: An address with a scheme, one that starts with www., a bare domain, or an IPv4 number.
_LINK: Final = re.compile(
    r"""
      [a-z][a-z0-9+.-]{1,20}://\S+
    | \b(?:mailto|tel|sms|whatsapp):\S+
    | (?<!\w) (?:[\w-]{1,63}\.){1,8} (?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59}) (?!\w) (?:[/:?\#]\S*)?
    | (?<![\w.]) \d{1,3}(?:\.\d{1,3}){3} (?![\w.]) (?:[/:?\#]\S*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PHONE: Final = re.compile(r"(?<!\d)\d(?:[\s().-]{0,3}\d){7,19}(?!\d)")
_FEWEST_DIGITS: Final = 8
_BRACKETED: Final = re.compile(r"\[[^\[\]\n]{2,60}\]")

_LEAK: Final = 40  # characters in a row of our own instruction
_WORD: Final = re.compile(r"[^\W\d_]+")
_FEWEST_FOREIGN: Final = 3
# fmt: off
_PORTUGUESE: Final = frozenset({
    "a", "ao", "aos", "as", "até", "bem", "bom", "boa", "com", "como", "da", "das", "de", "dia",
    "do", "dos", "e", "ela", "ele", "em", "entre", "essa", "esse", "esta", "este", "está",
    "estamos", "eu", "foi", "já", "lhe", "mais", "mas", "me", "mesmo", "meu", "minha", "muito",
    "na", "nas", "nem", "no", "nos", "nossa", "nosso", "não", "o", "obrigada", "obrigado", "oi",
    "olá", "os", "ou", "para", "pela", "pelo", "por", "pra", "qualquer", "quando", "que",
    "quem", "se", "sem", "ser", "seu", "seus", "sua", "suas", "são", "também", "te", "tem",
    "temos", "tudo", "tá", "um", "uma", "você", "vocês", "é", "à", "às",
})
_FOREIGN: Final = frozenset({
    # English
    "about", "all", "and", "any", "are", "been", "can", "could", "dear", "for", "from", "get",
    "has", "have", "hello", "hey", "here", "hi", "how", "i", "if", "in", "is", "it", "just",
    "let", "like", "looking", "new", "of", "on", "our", "out", "please", "so", "thank",
    "thanks", "that", "the", "their", "there", "they", "this", "to", "today", "up", "us", "was",
    "we", "what", "when", "will", "with", "would", "you", "your",
    # Spanish
    "al", "buenas", "buenos", "con", "cualquier", "del", "dias", "el", "ella", "en", "es",
    "estamos", "está", "estimado", "gracias", "hola", "la", "las", "le", "lo", "los", "muy",
    "más", "nuestra", "nuestro", "pero", "puede", "sin", "su", "sus", "te", "tiene", "tu", "un",
    "una", "usted", "y",
}) - _PORTUGUESE
# fmt: on


@dataclass(frozen=True, slots=True)
class _Said:
    """Addresses and numbers a text holds."""

    emails: frozenset[str]
    links: frozenset[str]
    phones: frozenset[str]


def clean_text(raw: str) -> str:
    """Line ends as `\\n`, no space around, no quotation marks around the whole."""
    text = raw.replace("\r\n", "\n").replace("\r", "\n").strip()
    for opening, closing in ('""', "“”", "''"):
        inner = text[1:-1]
        quoted = len(text) > 1 and text[0] == opening and text[-1] == closing
        if quoted and opening not in inner and closing not in inner:
            return inner.strip()
    return text


def find_fault(text: str, template: str, variables: Mapping[str, str]) -> TextFault | None:
    """Why `text` (cleaned) must not go to the contact of `variables`; None: it may.

    `template` is the campaign's text with its `{{names}}`.
    """
    if not text:
        return "text_empty"
    if len(text) > MAX_TEXT:
        return "text_too_long"
    if any(_is_control(char) for char in text):
        return "text_control"
    plain = _plain(text)
    if _leaks(plain):
        return "text_leaked"
    if "{{" in plain or "}}" in plain or _new_brackets(plain, template):
        return "text_placeholder"
    fields = named_values(template, variables)
    vouching = [value for name, value in fields.items() if fold_name(name) not in _NAMES]
    return _new_addresses(plain, [template, *vouching]) or _language_fault(plain, template)


def _new_addresses(plain: str, sources: Iterable[str]) -> TextFault | None:
    said = _said(plain)
    known = _said(_plain("\n".join(sources)))
    if said.emails - known.emails:
        return "text_email"
    if said.links - known.links:
        return "text_link"
    if any(not _is_known(digits, known.phones) for digits in said.phones):
        return "text_phone"
    return None


def _said(plain: str) -> _Said:
    lowered = plain.casefold()
    emails = frozenset(_EMAIL.findall(lowered))
    rest = _EMAIL.sub(" ", lowered)
    links = frozenset(match[0].rstrip(".,;:!?)]}'\"*_~") for match in _LINK.finditer(rest))
    phones = frozenset(
        "".join(char for char in match[0] if char.isdecimal())
        for match in _PHONE.finditer(_LINK.sub(" ", rest))
    )
    return _Said(emails, links, phones)


def _is_known(digits: str, known: Iterable[str]) -> bool:
    """The same number, with or without what stands before the local part."""
    return any(
        digits == other
        or (len(other) >= _FEWEST_DIGITS and digits.endswith(other))
        or (len(digits) >= _FEWEST_DIGITS and other.endswith(digits))
        for other in known
    )


def _new_brackets(plain: str, template: str) -> bool:
    """`[Seu nome]`: a blank the model left to be filled in."""
    return any(found not in _plain(template) for found in _BRACKETED.findall(plain))


def _leaks(plain: str) -> bool:
    lowered = _one_line(plain)
    if CAMPAIGN_TAG in lowered or CONTACT_TAG in lowered:
        return True
    windows = _instruction_windows()
    return any(lowered[at : at + _LEAK] in windows for at in range(len(lowered) - _LEAK + 1))


@lru_cache(maxsize=1)
def _instruction_windows() -> frozenset[str]:
    text = _one_line(_plain(INSTRUCTION))
    return frozenset(text[at : at + _LEAK] for at in range(len(text) - _LEAK + 1))


def _language_fault(plain: str, template: str) -> TextFault | None:
    """Not Portuguese, though the campaign's own text is."""
    own = re.sub(r"\{\{[^{}\n]*\}\}", " ", template)
    return "text_language" if _is_foreign(plain) and not _is_foreign(_plain(own)) else None


def _is_foreign(plain: str) -> bool:
    letters = [char for char in plain if char.isalpha()]
    latin = sum(1 for char in letters if _is_latin(char))
    if letters and latin * 2 < len(letters):
        return True
    words = [word.casefold() for word in _WORD.findall(plain)]
    foreign = sum(1 for word in words if word in _FOREIGN)
    portuguese = sum(1 for word in words if word in _PORTUGUESE)
    return foreign >= _FEWEST_FOREIGN and foreign > portuguese


@lru_cache(maxsize=2048)
def _is_latin(char: str) -> bool:
    return char.isascii() or unicodedata.name(char, "").startswith("LATIN")


def _plain(text: str) -> str:
    """Look-alike forms (full-width letters, ideographic stops) written plainly."""
    folded = unicodedata.normalize("NFKC", text.replace(_JOINER, ""))
    return folded.replace("\u3002", ".")


def _one_line(text: str) -> str:
    return " ".join(text.casefold().split())


@lru_cache(maxsize=4096)
def _is_control(char: str) -> bool:
    """Controls, invisible marks and characters without a meaning; a line break is none."""
    return char not in ("\n", _JOINER) and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co")
