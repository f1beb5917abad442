import pytest

from deploy.sandbox.numbers import NumberRule, Numbers, create_jid, same_line


@pytest.mark.parametrize(
    ("number", "jid"),
    [
        ("5511987654321", "5511987654321@s.whatsapp.net"),
        ("5531987654321", "553187654321@s.whatsapp.net"),
        ("+55 (31) 98765-4321", "553187654321@s.whatsapp.net"),
        ("5531966554433", "5531966554433@s.whatsapp.net"),
        ("553187654321", "553187654321@s.whatsapp.net"),
        ("11987654321", "11987654321@s.whatsapp.net"),
        ("", "@s.whatsapp.net"),
        ("5215512345678", "525512345678@s.whatsapp.net"),
        ("5491112345678", "541112345678@s.whatsapp.net"),
        ("553187654321:12@s.whatsapp.net", "553187654321@s.whatsapp.net"),
        ("5531987654321@s.whatsapp.net", "5531987654321@s.whatsapp.net"),
        ("123456789012345@lid", "123456789012345@lid"),
        ("120363025912345678", "120363025912345678@g.us"),
        ("553187654321-1623456789", "5531876543211623456789@g.us"),
        ("5531876543212-1623456789", "5531876543212-1623456789@g.us"),
        ("status@broadcast", "status@broadcast"),
    ],
)
def test_create_jid_follows_the_table(number: str, jid: str) -> None:
    assert create_jid(number) == jid


def test_both_brazilian_variants_are_one_line() -> None:
    assert same_line("5531987654321") == same_line("553187654321@s.whatsapp.net")


def test_a_cached_positive_outlives_the_truth_until_a_test_says_otherwise() -> None:
    numbers = Numbers()
    numbers.remember("553187654321@s.whatsapp.net")
    assert numbers.is_cached(create_jid("5531987654321"))
    numbers.put("5531987654321", NumberRule(on_whatsapp=False), cached=False)
    assert not numbers.is_cached(create_jid("5531987654321"))
    assert numbers.ask("553187654321@s.whatsapp.net")[0] is False
