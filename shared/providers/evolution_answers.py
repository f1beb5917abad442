"""What Evolution's answer to a send proves. The table is evolution-api.md, section 4, row by row.

Rule: only what is listed as not sent is not sent; whatever is not listed may have been sent.
"""

from collections.abc import Mapping
from typing import Any

from shared.domain.delivery import Receipt
from shared.errors import InstanceOffline, OutcomeUnknown, ProviderError, Rejected, Unavailable

# 400 with these texts: argument checks, which run before anything is written to WhatsApp.
_ARGUMENT_REFUSED = {
    "Text is required": "payload_refused",
    "Owned media must be a url or base64": "media_refused",
    "For base64 the file name must be informed.": "media_refused",
    "[object Object]": "payload_refused",
}
# 500 with a bare string: the number check, which comes before the send, could not be done.
_INSTANCE_CANNOT_CHECK = {
    "Connection Closed": "instance_offline",
    "Timed Out": "number_check_failed",
    "rate-overlimit": "rate_overlimit",
}
_INSTANCE_NOT_LOADED = ("'onWhatsApp')", "'textMessage')")
# 400 where the socket object itself is missing: nothing could be written.
# 400 from inside the send: it may have gone out, and the instance had better rest.
_UNKNOWN_AND_RESTS = (
    ("Connection Closed", "connection_closed"),
    ("rate-overlimit", "rate_overlimit"),
)
_NEVER_CONNECTED = "reading 'sendMessage')"
# 500 arrays of the media stage, which comes before the send.
_MEDIA_STAGE = (
    ("'waUploadToServer')", InstanceOffline, "instance_offline"),
    ("Media upload failed on all hosts", InstanceOffline, "instance_offline"),
    ("unsupported image format", Rejected, "media_refused"),
    ("getaddrinfo", Unavailable, "media_download_failed"),
    ("AxiosError", Unavailable, "media_download_failed"),
)

Body = Mapping[str, Any] | None


def receipt_of(status: int, body: Body, headers: Mapping[str, str]) -> Receipt:
    """The receipt in a 201 with `key.id`.

    Raises:
        Rejected, InstanceOffline, Unavailable: nothing was sent.
        OutcomeUnknown: everything else.
    """
    key = body.get("key") if isinstance(body, Mapping) else None
    if 200 <= status < 300:
        if (
            status == 201
            and isinstance(key, Mapping)
            and isinstance(key.get("id"), str)
            and key["id"]
        ):
            return Receipt(key["id"], str(key.get("remoteJid") or ""))
        raise OutcomeUnknown("no_key", _text(body), http_status=status)
    raise _error_of(status, body, headers)


def _error_of(status: int, body: Body, headers: Mapping[str, str]) -> ProviderError:
    """What a status other than 2xx proves."""
    message = _message(body)
    if status in (401, 403):
        return InstanceOffline("unauthorized", _text(message), http_status=status)
    if status == 404:
        known = "does not exist" in _text(message)
        code = "instance_missing" if known else "wrong_address"
        return InstanceOffline(code, _text(message), http_status=status)
    if status in (429, 503):
        return _busy(status, body, headers)
    if status == 400:
        return _bad_request(message)
    if status == 500:
        return _server_error(message)
    return OutcomeUnknown("unclear_answer", _text(message), http_status=status)


def _busy(status: int, body: Body, headers: Mapping[str, str]) -> ProviderError:
    licence = isinstance(body, Mapping) and body.get("code") == "LICENSE_REQUIRED"
    return InstanceOffline(
        "license_required" if licence else "provider_busy",
        _text(_message(body)),
        http_status=status,
        retry_after_seconds=_retry_after(headers),
    )


def _bad_request(message: Any) -> ProviderError:
    first = message[0] if isinstance(message, list) and message else None
    text = _text(message)
    if isinstance(first, list):
        return Rejected("payload_refused", text, http_status=400)
    if isinstance(first, Mapping) and first.get("exists") is False:
        return Rejected("not_on_whatsapp", http_status=400)
    if isinstance(first, str) and first in _ARGUMENT_REFUSED:
        return Rejected(_ARGUMENT_REFUSED[first], text, http_status=400)
    if _NEVER_CONNECTED in text:
        return InstanceOffline("instance_offline", text, http_status=400)
    code = next((code for part, code in _UNKNOWN_AND_RESTS if part in text), "unclear_answer")
    return OutcomeUnknown(code, text, http_status=400)


def _server_error(message: Any) -> ProviderError:
    text = _text(message)
    if isinstance(message, str):
        if message in _INSTANCE_CANNOT_CHECK:
            return InstanceOffline(_INSTANCE_CANNOT_CHECK[message], text, http_status=500)
        if any(part in message for part in _INSTANCE_NOT_LOADED):
            return InstanceOffline("instance_offline", text, http_status=500)
    elif isinstance(message, list):
        for part, error, code in _MEDIA_STAGE:
            if part in text:
                return error(code, text, http_status=500)
    return OutcomeUnknown("unclear_answer", text, http_status=500)


def _message(body: Body) -> Any:
    """`response.message` in the normal shape; the whole body where it has another."""
    if isinstance(body, Mapping):
        response = body.get("response")
        if isinstance(response, Mapping) and "message" in response:
            return response["message"]
        return body.get("message", body)
    return body


def _text(value: Any) -> str:
    """The provider's words, bounded; the four shapes of `message` end here."""
    if isinstance(value, str):
        return value[:500].replace("\0", "")
    if isinstance(value, list):
        return "; ".join(_text(part) for part in value)[:500]
    if isinstance(value, Mapping) and "number" in value:
        return ""  # a number check: names the recipient
    return str(value)[:500] if value is not None else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return min(float(value), 3600.0) if value.isascii() and value.isdigit() else None
