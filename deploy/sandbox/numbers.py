"""Numbers: `createJid` and who is on WhatsApp (evolution-api.md section 5)."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

_JID_ENDINGS = ("@g.us", "@s.whatsapp.net", "@lid", "@broadcast")
_DEVICE = re.compile(r":\d+")
_NOISE = re.compile(r"[\s+()]")
_NOT_DIGIT = re.compile(r"\D", re.ASCII)
_FIRST_DDD_WITHOUT_NINTH = "31"
_FIRST_MOBILE_DIGIT = "7"
_GROUP_DIGITS = 18
_OLD_GROUP_LENGTH = 24
_PHONE_DIGITS = range(8, 16)
_LONG = 13  # with the ninth digit, or the Mexican and Argentine mobile prefix
USER = "@s.whatsapp.net"


def create_jid(number: str) -> str:
    """The JID the provider tries for a number as typed."""
    number = _DEVICE.sub("", number) if ":" in number else number
    if number.endswith(_JID_ENDINGS):
        return number
    if number.isdecimal() and number.isascii() and len(number) < _GROUP_DIGITS:
        return _user_digits(number) + USER
    text = _NOISE.sub("", number).split(":")[0].split("@")[0]
    if "-" in text and len(text) >= _OLD_GROUP_LENGTH:
        return f"{re.sub(r'[^0-9-]', '', text)}@g.us"
    digits = _NOT_DIGIT.sub("", text)
    if len(digits) >= _GROUP_DIGITS:
        return f"{digits}@g.us"
    return _user_digits(digits) + USER


def _user_digits(digits: str) -> str:
    if len(digits) != _LONG:
        return digits
    if digits.startswith(("52", "54")):
        return digits[:2] + digits[3:]
    if digits.startswith("55"):
        keeps = digits[5] < _FIRST_MOBILE_DIGIT or digits[2:4] < _FIRST_DDD_WITHOUT_NINTH
        return digits if keeps else digits[:4] + digits[5:]
    return digits


def same_line(digits_or_jid: str) -> str:
    """One spelling for both Brazilian variants of a number: without the ninth digit."""
    digits = digits_or_jid.partition("@")[0]
    if not digits.isdecimal():
        digits = _NOT_DIGIT.sub("", digits.partition(":")[0])
    if len(digits) == _LONG and digits.startswith("55"):
        return digits[:4] + digits[5:]
    return digits


@dataclass(slots=True)
class NumberRule:
    """What a test said about one number; `jid` is the answer WhatsApp gives for it."""

    on_whatsapp: bool = True
    jid: str | None = None
    lid: str | None = None
    name: str | None = None


@dataclass(slots=True)
class Numbers:
    """WhatsApp's directory, and the provider's positives-only cache in front of it."""

    rules: dict[str, NumberRule] = field(default_factory=dict)
    _cached: set[str] = field(default_factory=set)

    def put(self, digits: str, rule: NumberRule, *, cached: bool) -> None:
        """Decide about a number (both variants) and set whether the provider has it cached."""
        line = same_line(digits)
        self.rules[line] = rule
        if cached:
            self._cached.add(line)
        else:
            self._cached.discard(line)

    def remember(self, jid: str) -> None:
        """A send or an incoming message refreshes the cache."""
        self._cached.add(same_line(jid))

    def is_cached(self, jid: str) -> bool:
        """True when no query to WhatsApp is needed; `@lid` is assumed to exist."""
        return jid.endswith(("@lid", "@broadcast")) or same_line(jid) in self._cached

    def ask(self, jid: str) -> tuple[bool, str, NumberRule | None]:
        """WhatsApp's answer: exists, the JID to use, and what else is known."""
        rule = self.rules.get(same_line(jid)) if self.rules else None
        if rule is not None:
            return rule.on_whatsapp, rule.jid or jid, rule
        if jid.endswith(USER):
            return len(jid) - len(USER) in _PHONE_DIGITS, jid, None
        return True, jid, None

    def clear(self) -> None:
        """Forget every rule and the cache."""
        self.rules.clear()
        self._cached.clear()

    def snapshot(self) -> dict[str, Any]:
        """For the state file."""
        return {line: asdict(rule) for line, rule in self.rules.items()}

    def restore(self, saved: dict[str, Any]) -> None:
        """From the state file."""
        self.rules = {line: NumberRule(**rule) for line, rule in saved.items()}
