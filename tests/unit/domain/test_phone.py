import time

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberType

from shared.domain.phone import (
    InvalidPhone,
    Phone,
    mask_phone,
    parse_phone,
    phone_of_jid,
    same_person_forms,
)

MOBILE = Phone("5511987654321", "mobile")


@pytest.mark.parametrize(
    "raw",
    [
        "11987654321",
        "(11) 98765-4321",
        "(11)98765-4321",
        "11 9 8765 4321",
        "11.98765.4321",
        "1187654321",
        "(11) 8765-4321",
        "5511987654321",
        "551187654321",
        "+5511987654321",
        "+55 (11) 8765-4321",
        "(+55) 11 98765-4321",
        "+55 0 11 98765-4321",
        "011 98765-4321",
        "0 15 11 98765-4321",
        "0 15 11 8765-4321",
        "(0xx11) 98765-4321",
        "+55 (0XX11) 98765-4321",
        "90 15 11 98765-4321",
        "055 11 98765-4321",
        "0055 11 98765-4321",
        "00 15 55 11 98765-4321",
        "+055 11 98765-4321",
        "  11987654321\t",
        "11\u00a098765\u20114321",
        "\u202a+55 11 98765-4321\u202c",
        "\ufeff11987654321",
        "５５１１９８７６５４３２１",
        "＋５５ １１ ９８７６５ー４３２１".replace("ー", "－"),
        "٥٥١١٩٨٧٦٥٤٣٢١",
        "11987654321.0",
        "11987654321,00",
        "11.987.654.321,00",
        "1.1987654321E+10",
        "5.511987654321E+12",
        "5,511987654321e+12",
        "5.5119876543210E12",
        '="11987654321"',
        "'11987654321",
        11987654321,
        5511987654321,
    ],
)
def test_every_way_to_write_a_mobile_is_one_number(raw: str | int) -> None:
    assert parse_phone(raw) == MOBILE


def test_a_float_cell_is_read_as_its_whole_number() -> None:
    assert parse_phone(11987654321.0) == MOBILE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("+", "empty"),
        ("--", "empty"),
        ("onze nove", "letters"),
        ("11 98765-432l", "letters"),
        ("11987654321 (zap)", "letters"),
        ("1198765432²", "characters"),
        ("11987654321;", "characters"),
        ("11 98765#4321", "characters"),
        ("190", "too_short"),
        ("1198765", "too_short"),
        ("11987654321 11987654322", "too_long"),
        ("11 98765-4321 / 11 91234-5678", "too_long"),
        ("1" * 5000, "too_long"),
        ("98765-4321", "no_area_code"),
        ("3333-4444", "no_area_code"),
        ("4004-1234", "no_area_code"),
        ("(20) 98765-4321", "unknown_area_code"),
        ("10987654321", "unknown_area_code"),
        ("2033334444", "unknown_area_code"),
        ("5520987654321", "unknown_area_code"),
        ("11 0234-5678", "invalid"),
        ("11 88765-4321", "invalid"),
        ("+55 98765432", "invalid"),
        ("0012025550149", "invalid"),
        ("0045 32 12 34 56", "invalid"),
        ("+1 202 555 0149", "foreign"),
        ("+351 912 345 678", "foreign"),
        ("5.51199E+12", "lost_digits"),
        ("5,51E+12", "lost_digits"),
        ("1E+10", "lost_digits"),
        (True, "invalid"),
        (-11987654321, "invalid"),
        (10**40, "invalid"),
        (float("nan"), "invalid"),
        (float("inf"), "invalid"),
        (11987654321.5, "characters"),
    ],
)
def test_what_is_no_phone_says_why(raw: str | int, reason: str) -> None:
    with pytest.raises(InvalidPhone) as caught:
        parse_phone(raw)
    assert caught.value.reason == reason
    assert str(caught.value)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("5598765432", "5555998765432"),  # DDD 55, not the country
        ("55987654321", "5555987654321"),
        ("+55 55 98765-4321", "5555987654321"),
        ("055 98765-4321", "5555987654321"),
        ("0055 55 98765 4321", "5555987654321"),
        ("11 91234-5678", "5511912345678"),
        ("11 7765-4321", "5511977654321"),
        ("11 6765-4321", "5511967654321"),
    ],
)
def test_area_code_55_and_ninth_digit(raw: str, expected: str) -> None:
    assert parse_phone(raw) == Phone(expected, "mobile")


def test_landlines_and_special_numbers_carry_a_warning() -> None:
    assert parse_phone("(11) 3333-4444") == Phone("551133334444", "landline", ("landline",))
    assert parse_phone("0800 123 4567") == Phone("558001234567", "other", ("not_mobile",))
    assert parse_phone("+55 4004 1234") == Phone("5540041234", "other", ("not_mobile",))


def test_other_countries_need_a_plus_and_permission() -> None:
    assert parse_phone("+351 912 345 678", allow_foreign=True) == Phone("351912345678", "mobile")
    assert parse_phone("+52 1 55 1234 5678", allow_foreign=True).digits == "525512345678"
    with pytest.raises(InvalidPhone, match="não existe"):
        parse_phone("+1 000 000 0000", allow_foreign=True)
    with pytest.raises(InvalidPhone):
        parse_phone("351912345678", allow_foreign=True)


def by_phonenumbers(national: str) -> tuple[str, str] | None:
    """What the library says of DDD + subscriber once the ninth digit is in place."""
    if len(national) == 10 and national[2] in "6789":
        national = national[:2] + "9" + national[2:]
    number = PhoneNumber(country_code=55, national_number=int(national))
    kinds = {PhoneNumberType.MOBILE: "mobile", PhoneNumberType.FIXED_LINE: "landline"}
    kind = kinds.get(phonenumbers.number_type(number))
    if kind is None or not phonenumbers.is_valid_number(number) or national.startswith("0"):
        return None
    return "55" + national, kind


def by_us(raw: str) -> tuple[str, str] | None:
    try:
        phone = parse_phone(raw)
    except InvalidPhone:
        return None
    return None if phone.kind == "other" else (phone.digits, phone.kind)


NATIONAL = st.one_of(
    st.from_regex(r"[1-9][0-9]{9,10}", fullmatch=True),
    st.from_regex(r"[1-9][1-9]9?[0-9]{8}", fullmatch=True),
)


@settings(max_examples=300, deadline=None)
@given(NATIONAL, st.sampled_from(["{}", "+55{}", "55{}", "+55 ({ddd}) {rest}", "({ddd}){rest}"]))
@example("8001234567", "{}")
@example("3003123456", "{}")
def test_the_fast_path_agrees_with_phonenumbers(national: str, shape: str) -> None:
    raw = shape.format(national, ddd=national[:2], rest=national[2:])
    assert by_us(raw) == by_phonenumbers(national)


def test_every_area_code_and_leading_digits_agree_with_phonenumbers() -> None:
    for prefix in range(100, 1000):  # DDD and the digit after it
        for national in (f"{prefix}1234567", f"{prefix}91234567"):
            assert by_us(national) == by_phonenumbers(national), national


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("0123456789+-(). eE/x,\u202a٣９", max_size=24)))
def test_any_text_is_a_phone_or_a_reason(raw: str) -> None:
    try:
        phone = parse_phone(raw, allow_foreign=True)
    except InvalidPhone:
        return
    assert phone.digits.isascii()
    assert 8 <= len(phone.digits) <= 15
    assert parse_phone("+" + phone.digits, allow_foreign=True) == phone


@pytest.mark.parametrize(
    ("digits", "forms"),
    [
        ("5511987654321", ("5511987654321", "551187654321")),
        ("551187654321", ("5511987654321", "551187654321")),
        ("5531967654321", ("5531967654321", "553167654321")),
        ("5511912345678", ("5511912345678",)),  # 1234-5678 was never a mobile
        ("551133334444", ("551133334444",)),
        ("351912345678", ("351912345678",)),
        ("5215512345678", ("525512345678", "5215512345678")),
        ("5491123456789", ("5491123456789", "541123456789")),
    ],
)
def test_forms_of_one_person(digits: str, forms: tuple[str, ...]) -> None:
    assert same_person_forms(digits) == forms


@pytest.mark.parametrize(
    ("jid", "phone"),
    [
        ("5511987654321@s.whatsapp.net", "5511987654321"),
        ("551187654321@s.whatsapp.net", "5511987654321"),
        ("551187654321:17@s.whatsapp.net", "5511987654321"),
        ("551133334444@s.whatsapp.net", "551133334444"),
        ("5215512345678@s.whatsapp.net", "525512345678"),
        ("123456789012345@lid", None),
        ("120363000000000000@g.us", None),
        ("status@broadcast", None),
        ("@s.whatsapp.net", None),
        ("٥٥١١٩٨٧٦٥٤٣٢١@s.whatsapp.net", None),
        ("", None),
    ],
)
def test_phone_of_jid(jid: str, phone: str | None) -> None:
    assert phone_of_jid(jid) == phone


def test_mask_keeps_area_and_last_four() -> None:
    assert mask_phone("5511987654321") == "5511*****4321"
    assert mask_phone("12345") == "*****"


def test_ten_thousand_phones_take_less_than_a_quarter_second() -> None:
    shapes = ["1198765{:04d}", "(11) 98765-{:04d}", "+55 11 8765-{:04d}", "55113333{:04d}"]
    phones = [shapes[n % 4].format(n) for n in range(10_000)]
    best = min(_seconds(phones) for _ in range(3))
    assert best < 0.25


def _seconds(phones: list[str]) -> float:
    begun = time.perf_counter()
    for phone in phones:
        parse_phone(phone)
    return time.perf_counter() - begun
