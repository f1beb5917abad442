"""What slips into a log line and must not stay there."""

import pytest

from shared.observability.redaction import MASK, redact, scrub

PRIVATE = """phone telefone contactName contact_name messageText text body password access_token
ticket Authorization apikey api_key JWT_SECRET Set-Cookie"""


@pytest.mark.parametrize("key", PRIVATE.split())
def test_private_keys_are_masked_at_any_depth(key: str) -> None:
    line = redact({key: "canary", "deep": {"list": [{key: "canary"}]}})
    assert "canary" not in str(line)


@pytest.mark.parametrize(
    "text",
    [
        "5511987654321",
        "+55 (11) 98765-4321",
        "no such number: 5511987654321@s.whatsapp.net",
        "GET /ws?ticket=s3cr3t-canary HTTP/1.1",
        "Authorization: Bearer canary.abc",
        "postgresql://rapidflow:canary@localhost/db",
        "{'token': 'canary'}",
        "eyJhbGciOiJIUzI1NiJ9.canary.canary",
    ],
)
def test_secrets_and_numbers_inside_text_are_masked(text: str) -> None:
    cleaned = scrub(text)
    assert "canary" not in cleaned
    assert "98765" not in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 10:11:12",
        "2026-11-23T10:11:12.123Z",
        "CAMP-12345678901234",
        "batch of 200 in 12 s",
    ],
)
def test_instants_ids_and_counts_stay(text: str) -> None:
    assert scrub(text) == text


def test_a_count_under_a_private_word_stays() -> None:
    assert redact({"contacts": 50, "phone": 5511987654321}) == {"contacts": 50, "phone": MASK}


def test_rows_that_the_database_quotes_are_dropped() -> None:
    error = "duplicate key value\nDETAIL:  Key (name)=(Maria) already exists."
    assert scrub(error) == "duplicate key value"
    assert "Maria" not in scrub(repr(ValueError(error)))


def test_characters_that_forge_lines_are_escaped() -> None:
    cleaned = scrub("a\nb\x1b[31m\x9b\u2028c\u202e")
    assert cleaned == "a\\nb\\x1b[31m\\x9b\\u2028c\\u202e"


def test_values_are_bounded() -> None:
    assert len(scrub("x" * 100_000)) < 3000
    assert len(redact({"many": list(range(1000))})["many"]) <= 50
