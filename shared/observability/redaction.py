"""What must never reach a log: phones, names, texts, secrets, characters that forge lines."""

import re
from collections.abc import Mapping
from typing import Any, Final

MASK: Final = "***"
_LONGEST: Final = 2000  # characters of one value
_ITEMS: Final = 50  # of one list or mapping
_DEEPEST: Final = 4

# fmt: off
#: Keys whose values are dropped, compared without case, `_` and `-`.
_PRIVATE_KEYS: Final = frozenset({
    "phone", "phones", "telefone", "telefones", "number", "numbers", "jid", "remotejid",
    "recipient", "name", "nome", "contactname", "pushname", "contact", "contacts", "email",
    "variables",
    "text", "messagetext", "caption", "body", "template", "prompt", "systemprompt", "content",
    "token", "password", "senha", "ticket", "authorization", "apikey", "secret", "cookie",
    "jwt", "jwtkey", "databaseurl", "redisurl", "dsn", "conninfo", "encryptionkey",
})
# fmt: on
_PRIVATE_ENDINGS: Final = (
    "phone",
    "token",
    "password",
    "secret",
    "ticket",
    "apikey",
    "authorization",
    "cookie",
)
_SMALL: Final = 10_000_000  # `contacts=50` is a count, not a person

#: Kept as they are: written by us, never from outside.
_OURS: Final = frozenset({"timestamp", "level", "logger", "process", "pid", "exception"})

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: psycopg appends the row or key that caused an error.
_DATABASE_DETAIL = re.compile(r"(?:\\n|\n)\s*(?:DETAIL|CONTEXT|HINT|LINE \d+):.*", re.DOTALL)
_SECRETS = re.compile(
    r"""
      \beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?                        # a JWT
    | (?P<scheme>\b(?:Bearer|Basic)\s+)[^\s"',]+
    | (?P<name>\b(?:ticket|token|access_token|refresh_token|api_?key|password|secret)
        ["']?\s*[=:]\s*["']?)[^\s&"',}]+
    | (?P<user>://[^\s:/@]*):[^\s/@]+(?=@)                       # URL with a password
    | (?<![\w-])\+?\d[\d ().-]{8,18}\d(?![\w-])                  # digits long enough for a phone
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FEWEST_PHONE_DIGITS: Final = 10


def redact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a log line's fields without private values."""
    return {
        key: value if key in _OURS else _clean_field(key, value, 0) for key, value in fields.items()
    }


def scrub(text: str) -> str:
    """`text` bounded, without secrets, phone numbers, database rows and control characters."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    if "DETAIL" in text or "CONTEXT" in text or "LINE " in text:
        text = _DATABASE_DETAIL.sub("", text)
    return _CONTROL.sub(_escape, _SECRETS.sub(_masked, text))


def _clean_field(key: str, value: Any, depth: int) -> Any:
    if not _is_private(key) or value is None or (isinstance(value, int) and abs(value) < _SMALL):
        return _clean(value, depth)
    return MASK


def _is_private(key: str) -> bool:
    plain = key.lower().replace("_", "").replace("-", "")
    return plain in _PRIVATE_KEYS or plain.endswith(_PRIVATE_ENDINGS)


def _clean(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return scrub(value)
    if depth >= _DEEPEST:
        return MASK
    if isinstance(value, Mapping):
        return {
            scrub(str(key)): _clean_field(str(key), item, depth + 1)
            for key, item in list(value.items())[:_ITEMS]
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in list(value)[:_ITEMS]]
    return scrub(str(value))


def _masked(match: re.Match[str]) -> str:
    kept = match["scheme"] or match["name"]
    if kept:
        return kept + MASK
    if match["user"]:
        return f"{match['user']}:{MASK}"
    found = match[0]
    if found.startswith("eyJ"):
        return MASK
    digits = sum(char.isdigit() for char in found)
    return MASK if digits >= _FEWEST_PHONE_DIGITS and not _is_instant(found) else found


def _is_instant(text: str) -> bool:
    return re.match(r"\d{4}-\d{2}-\d{2}(?!\d)", text) is not None


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
