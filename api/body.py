"""Request bodies: size checked while reading, JSON read strictly."""

import json
import math
from typing import Any, Final

from flask import request

from shared.errors import PayloadTooLarge, RequestError, UnsupportedMediaType

MAX_DEPTH: Final = 20
_JSON_TYPES: Final = frozenset({"application/json", "application/problem+json"})


def read_json(limit: int) -> Any:
    """The body as JSON: at most `limit` bytes, UTF-8, ≤ 20 deep, no duplicate keys, no NaN, no NUL.

    Raises:
        PayloadTooLarge: over the limit, whatever Content-Length says.
        UnsupportedMediaType: it is declared as something else.
        RequestError: 400, it is not strict JSON.
    """
    raw = read_body(limit)
    if request.mimetype not in _JSON_TYPES and not _is_fetch_default():
        raise UnsupportedMediaType("O corpo precisa ser JSON (Content-Type: application/json).")
    return parse_json(raw)


def _is_fetch_default() -> bool:
    """What a browser's `fetch` calls a string it was not told the type of.

    Only beside a credential in a header, which no form of another page can send.
    """
    named = "Authorization" in request.headers or "X-API-Key" in request.headers
    return named and request.mimetype == "text/plain"


def read_optional_json(limit: int) -> Any:
    """Like `read_json`; a body that is not there is `{}`."""
    return read_json(limit) if read_body(limit) else {}


def read_body(limit: int) -> bytes:
    """The raw body, kept for a second reading.

    Raises:
        PayloadTooLarge: more than `limit` bytes, chunked or not.
    """
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    request.max_content_length = limit + 1  # werkzeug cuts a chunked body there without a word
    raw = request.get_data(cache=True)
    if len(raw) > limit:
        raise _too_large(limit)
    return raw


def parse_json(raw: bytes) -> Any:
    """Strict JSON.

    Raises:
        RequestError: 400, saying what is wrong.
    """
    try:
        text = raw.decode("utf-8")
        document = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as exc:
        raise _malformed("O corpo não é UTF-8 válido.") from exc
    except RecursionError as exc:
        raise _malformed("O JSON é aninhado demais.") from exc
    except json.JSONDecodeError as exc:
        where = f"linha {exc.lineno}, coluna {exc.colno}"
        raise _malformed(f"O corpo não é JSON válido ({where}).") from exc
    except ValueError as exc:  # a number of thousands of digits
        raise _malformed("O JSON tem um número que não pode ser lido.") from exc
    _check(document, escapes="\\u" in text)
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _malformed("O JSON repete uma chave no mesmo objeto.")
    return result


def _refuse_constant(name: str) -> float:
    raise _malformed(f"O JSON não pode ter {name}.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _malformed("O JSON tem um número grande demais.")
    return number


def _check(document: Any, *, escapes: bool) -> None:
    """Depth everywhere; NUL and half characters only where the text had escapes."""
    level = [document]
    for _ in range(MAX_DEPTH):
        if escapes:
            for value in level:
                _check_text(value)
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise _malformed(f"O JSON tem mais de {MAX_DEPTH} níveis.")


def _children(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else []


def _check_text(value: Any) -> None:
    for text in value if isinstance(value, dict) else (value,):
        if isinstance(text, str):
            _check_characters(text)


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise _malformed("O JSON tem um caractere nulo.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise _malformed("O JSON tem um caractere Unicode inválido.") from exc


def _malformed(message: str) -> RequestError:
    return RequestError(message, code="malformed_json")


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"O corpo passa do limite de {limit // 1024} KiB.")
