"""The error tree, named by what the caller must do next.

RapidFlowError
├── SettingsError           stop at start: a variable is missing or wrong
├── RequestError            answered to the client
│   ├── InvalidRequest 422 · Unauthorized 401 · Forbidden 403 · NotFound 404 · InvalidTransition 409
│   ├── PayloadTooLarge 413 · UnsupportedMediaType 415 · RateLimited 429
│   └── TemporarilyUnavailable 503
├── ModelError              the language model gave no usable text: the template goes
└── ProviderError           Evolution did not confirm the message
    ├── Rejected            final: not on WhatsApp, payload refused
    ├── InstanceOffline     rest this instance; the message goes back to the queue
    ├── Unavailable         nothing was sent: retry with backoff
    ├── NotBegun            our own delay, nothing was written: back to the queue
    └── OutcomeUnknown      it may have been sent: reconcile, do not resend
"""

from collections.abc import Sequence
from dataclasses import dataclass


class RapidFlowError(Exception):
    """Something RapidFlow knows how to explain."""


class SettingsError(RapidFlowError):
    """A setting is missing or wrong; the text names the variable."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One fault of a request body; `path` is in the caller's words (`contacts[3].telefone`)."""

    path: str
    message: str
    code: str = "invalid"


class RequestError(RapidFlowError):
    """Answered to the client as `{success:false, error:{code, message, request_id, fields?}}`."""

    status = 400
    code = "bad_request"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: Sequence[FieldProblem] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = tuple(fields)
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(RequestError):
    """The body was read and refused; `fields` names every fault."""

    status = 422
    code = "invalid_request"


class Unauthorized(RequestError):
    """No valid credentials."""

    status = 401
    code = "unauthorized"


class Forbidden(RequestError):
    """Known, but the role does not allow it."""

    status = 403
    code = "forbidden"


class NotFound(RequestError):
    """Unknown, or another tenant's: the answer is the same."""

    status = 404
    code = "not_found"


class InvalidTransition(RequestError):
    """The state it is in does not allow this move."""

    status = 409
    code = "invalid_transition"


class PayloadTooLarge(RequestError):
    """The body is over the limit of its route."""

    status = 413
    code = "payload_too_large"


class UnsupportedMediaType(RequestError):
    """The body is not JSON."""

    status = 415
    code = "unsupported_media_type"


class RateLimited(RequestError):
    """Too many requests; `retry_after_seconds` is always set."""

    status = 429
    code = "rate_limited"


class TemporarilyUnavailable(RequestError):
    """A part we need is away; nothing was half done."""

    status = 503
    code = "unavailable"


class ModelError(RapidFlowError):
    """No usable text came from the language model; `code` says why, `tokens` what it cost."""

    def __init__(self, code: str, *, tokens: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.tokens = tokens


class ProviderError(RapidFlowError):
    """Evolution did not confirm the message."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        http_status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail[:500]
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds


class Rejected(ProviderError):
    """Final for this message: not on WhatsApp, or the payload was refused."""


class InstanceOffline(ProviderError):
    """Nothing was sent and this instance cannot send now: rest it, keep the message's attempts."""


class Unavailable(ProviderError):
    """Nothing was sent: retry with backoff."""


class NotBegun(ProviderError):
    """We were too slow to begin, so nothing was written: again later, at no cost to the message."""


class OutcomeUnknown(ProviderError):
    """It may have been sent: reconcile, never resend by itself."""
