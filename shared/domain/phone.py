"""Phone numbers as people write them, made into the one form that names a person.

`phonenumbers` knows which numbers exist. Its parser costs about 40 µs a call, so the shapes
nearly every Brazilian list is written in are matched against its own metadata directly
(tests prove the two agree); everything else goes through the library.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType

Kind = Literal["mobile", "landline", "other"]

#: Longer input is no phone number, whatever it holds: nothing below reads more than this.
MAX_RAW: Final = 64

_MESSAGES: Final = {
    "empty": "o telefone está vazio",
    "letters": "o telefone tem letras",
    "characters": "o telefone tem caracteres que nenhum número tem",
    "too_short": "o telefone tem dígitos de menos",
    "too_long": "o telefone tem dígitos demais (são dois números?)",
    "no_area_code": "falta o DDD",
    "unknown_area_code": "este DDD não existe",
    "foreign": "número de outro país, que este plano não inclui",
    "lost_digits": "a planilha arredondou este número; formate a coluna como texto",
    "invalid": "este número não existe",
}


class InvalidPhone(ValueError):
    """No phone number can be read from the text; `reason` is a code, `str()` a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Phone:
    """One number: `digits` is E.164 without `+`, Brazilian mobiles always with the ninth digit."""

    digits: str
    kind: Kind
    warnings: tuple[str, ...] = ()


def _metadata(field: str) -> str:
    metadata = PhoneMetadata.metadata_for_region("BR")
    if metadata is None:
        raise RuntimeError("phonenumbers is installed without its metadata")
    return str(getattr(metadata, field).national_number_pattern)


#: A national number (DDD and subscriber) that phonenumbers holds for a mobile or a landline.
_NATIONAL: Final = re.compile(
    rf"(?:{_metadata('mobile')})|(?P<landline>{_metadata('fixed_line')})", re.ASCII
)
#: `11987654321`, `(11) 9 8765-4321`, `+55 11 98765.4321`, `5511 3333-4444`, ...
_ORDINARY: Final = re.compile(
    r"\s*(?:\+?55[ .-]*)?\(?(\d\d)\)?[ .-]*(9?)[ .-]*(\d{4})[ .-]?(\d{4})\s*", re.ASCII
)
_AREA_CODES: Final = frozenset(
    str(ddd) for ddd in range(11, 100) if _NATIONAL.fullmatch(f"{ddd}987654321")
)
#: Trunk 0 (90: collect), an optional carrier, DDD and subscriber; country 55 written as `055` too.
_TRUNK: Final = re.compile(
    r"(?:0|90)(?:1[245]|2[1-35]|31|4[13]|[56]5|99)?([1-9]\d{9,10})", re.ASCII
)
#: Dialled from abroad, or from Brazil through a carrier: 00 55, 00 15 55.
_ABROAD: Final = re.compile(r"^00(?:1[245]|2[1-35]|31|4[13]|[56]5|99)?55(?=\d{10,11}$)", re.ASCII)
_SCIENTIFIC: Final = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})", re.ASCII)
_DECIMALS: Final = re.compile(r"(\+?\d{8,}|\d{1,3}(?:\.\d{3})+)[.,]0+", re.ASCII)
_PUNCTUATION: Final = str.maketrans("", "", " -.()[]/_'\"")
_MEXICO_LENGTH: Final = 13  # 52 1 and ten digits, as WhatsApp still writes Mexican mobiles

_KINDS: Final[dict[int, Kind]] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.TOLL_FREE: "other",
    PhoneNumberType.SHARED_COST: "other",
    PhoneNumberType.VOIP: "other",
    PhoneNumberType.PERSONAL_NUMBER: "other",
    PhoneNumberType.UAN: "other",
}
_WARNINGS: Final[dict[Kind, tuple[str, ...]]] = {
    "mobile": (),
    "landline": ("landline",),
    "other": ("not_mobile",),
}


def parse_phone(raw: str | int, *, allow_foreign: bool = False) -> Phone:
    """Read a phone number in any shape people and spreadsheets write.

    Without a country code it is Brazilian. Other countries need a leading `+` and
    `allow_foreign`. Raises InvalidPhone.
    """
    text = raw if isinstance(raw, str) else _of_number(raw)
    if len(text) > MAX_RAW:
        raise InvalidPhone("too_long")
    if match := _ORDINARY.fullmatch(text):
        ddd, nine, first, last = match.groups()
        if phone := _brazilian(ddd + nine + first + last):
            return phone
    return _parse_unusual(text, allow_foreign=allow_foreign)


def same_person_forms(digits: str) -> tuple[str, ...]:
    """Every form WhatsApp may know this number by, the canonical one first.

    Brazil: with and without the ninth digit. Mexico and Argentina: with and without their
    mobile digit, which Evolution drops. Others: the number itself.
    """
    canonical = _canonical(digits)
    if len(canonical) == 13 and canonical.startswith("55") and canonical[4] == "9":
        if canonical[5] in "6789":
            return canonical, canonical[:4] + canonical[5:]
    elif len(canonical) == 13 and canonical.startswith("549"):
        return canonical, "54" + canonical[3:]
    elif len(canonical) == 12 and canonical.startswith("52"):
        return canonical, "521" + canonical[2:]
    return (canonical,)


def phone_of_jid(jid: str) -> str | None:
    """Canonical digits of `5511…@s.whatsapp.net` (a `:12` device part is dropped).

    None for `@lid`, groups, broadcasts and anything that names no phone.
    """
    local, _, server = jid.partition("@")
    digits = local.partition(":")[0]
    if server != "s.whatsapp.net" or not (digits.isascii() and digits.isdigit()):
        return None
    return _canonical(digits) if 7 <= len(digits) <= 15 else None


def mask_phone(digits: str) -> str:
    """`5511*****4321`: enough to recognise one's own contact, not enough to call it."""
    if len(digits) < 10:
        return "*" * len(digits)
    return digits[:4] + "*" * (len(digits) - 8) + digits[-4:]


def _of_number(number: float) -> str:
    """A number cell as text; JSON and spreadsheets also hand over floats."""
    if isinstance(number, bool) or not 0 < number < 1e18:
        raise InvalidPhone("invalid")
    if number != int(number):
        raise InvalidPhone("characters")
    return str(int(number))


def _brazilian(national: str) -> Phone | None:
    """DDD and subscriber as a Phone, the ninth digit put in where it is missing."""
    if len(national) == 10 and national[2] in "6789":
        national = national[:2] + "9" + national[2:]
    match = _NATIONAL.fullmatch(national)
    if match is None:
        return None
    kind: Kind = "landline" if match["landline"] else "mobile"
    return Phone("55" + national, kind, _WARNINGS[kind])


def _canonical(digits: str) -> str:
    if digits.startswith("55") and len(digits) == 12:
        phone = _brazilian(digits[2:])
        return phone.digits if phone else digits
    if digits.startswith("521") and len(digits) == _MEXICO_LENGTH:
        return "52" + digits[3:]
    return digits


def _parse_unusual(text: str, *, allow_foreign: bool) -> Phone:
    written = _digits_of(_plain(text))
    digits = written.removeprefix("+")
    international = written.startswith("+") and not digits.startswith("0")
    _check_length(digits)
    if international and not digits.startswith("55"):
        return _foreign(digits, allow_foreign=allow_foreign)
    if national := _national_of(digits, international=international):
        if phone := _brazilian(national):
            return phone
        if national[:2] in _AREA_CODES:
            raise InvalidPhone("invalid")
        if len(national) == 11:
            raise InvalidPhone("unknown_area_code")
    elif digits.startswith("00"):  # another country, without the + that would say so
        raise InvalidPhone("invalid")
    return _by_library(digits, international=international)


def _plain(text: str) -> str:
    """Any script's digits, spaces and dashes as ASCII; invisible marks dropped."""
    if text.isascii():
        return "".join(text.split())
    plain = []
    for char in text:
        category = unicodedata.category(char)
        if category == "Nd":
            plain.append(str(unicodedata.decimal(char)))
        elif category == "Pd" or char == "\N{MINUS SIGN}":
            plain.append("-")
        elif not (category == "Cf" or char.isspace()):
            plain.append("+" if char == "\N{FULLWIDTH PLUS SIGN}" else char)
    return "".join(plain)


def _digits_of(text: str) -> str:
    """The digits, with `+` in front where it was written. Raises InvalidPhone."""
    text = text.removeprefix("=").strip("'\"")
    if match := _SCIENTIFIC.fullmatch(text):
        text = _expand(*match.groups())
    elif match := _DECIMALS.fullmatch(text):
        text = match[1]
    text = re.sub(r"(?i)(?<!\d)0(xx)", "0", text)  # "0xx11": any carrier, the Brazilian way
    text = text.translate(_PUNCTUATION)
    if any(char.isalpha() for char in text):
        raise InvalidPhone("letters")
    if not text.strip("+"):
        raise InvalidPhone("empty")
    if not re.fullmatch(r"\+?[0-9]+", text):
        raise InvalidPhone("characters")
    return text


def _expand(whole: str, decimals: str | None, exponent: str) -> str:
    """`5.511987654321E+12`: all digits are there only if the mantissa is long enough."""
    decimals, places = decimals or "", int(exponent)
    if len(decimals) < places or decimals[places:].strip("0"):
        raise InvalidPhone("lost_digits")
    return whole + decimals[:places]


def _check_length(digits: str) -> None:
    significant = len(digits.lstrip("0"))
    if significant < 8:
        raise InvalidPhone("too_short")
    if significant > 15:
        raise InvalidPhone("too_long")


def _national_of(digits: str, *, international: bool) -> str | None:
    """DDD and subscriber (10 or 11 digits), without country, trunk and carrier codes."""
    digits = _ABROAD.sub("", digits)
    if digits.startswith("00"):
        return None
    if digits.startswith("55") and (international or len(digits) in (12, 13, 14)):
        digits = digits[2:]
    if match := _TRUNK.fullmatch(digits):
        digits = match[1]
    return digits if len(digits) in (10, 11) else None


def _foreign(digits: str, *, allow_foreign: bool) -> Phone:
    if not allow_foreign:
        raise InvalidPhone("foreign")
    return _checked(_library_number("+" + _canonical(digits)))


def _by_library(digits: str, *, international: bool) -> Phone:
    """Whatever is left (0800 and the like), as phonenumbers reads it."""
    number = _library_number("+" + digits if international else digits)
    national = str(number.national_number)
    if number.country_code != 55:
        raise InvalidPhone("invalid")
    if phone := _brazilian(national):
        return phone
    if not international and (len(national) == 8 or (len(national) == 9 and national[0] == "9")):
        raise InvalidPhone("no_area_code")
    return _checked(number)


def _library_number(text: str) -> PhoneNumber:
    try:
        return phonenumbers.parse(text, "BR")
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone("invalid") from error


def _checked(number: PhoneNumber) -> Phone:
    kind = _KINDS.get(phonenumbers.number_type(number))
    if kind is None or not phonenumbers.is_valid_number(number):
        raise InvalidPhone(_why_not(number))
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(e164.removeprefix("+"), kind, _WARNINGS[kind])


def _why_not(number: PhoneNumber) -> str:
    national = str(number.national_number)
    looks_brazilian = number.country_code == 55 and len(national) in (10, 11)
    return "unknown_area_code" if looks_brazilian and national[:2] not in _AREA_CODES else "invalid"
