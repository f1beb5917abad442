"""evolution-api.md, section 4, row by row: what an answer proves."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.errors import InstanceOffline, OutcomeUnknown, ProviderError, Rejected, Unavailable
from shared.providers.evolution_answers import receipt_of


def answer(message: object) -> dict[str, Any]:
    """Evolution's normal error body."""
    return {"status": 0, "error": "x", "response": {"message": message}}


NOT_ON_WHATSAPP = [{"jid": "553187650000@s.whatsapp.net", "exists": False, "number": "1"}]
READING = "Cannot read properties of undefined (reading '{}')"

ROWS: list[tuple[int, object, type[ProviderError], str]] = [
    (400, [['instance requires property "text"']], Rejected, "payload_refused"),
    (400, ["Text is required"], Rejected, "payload_refused"),
    (400, ["Owned media must be a url or base64"], Rejected, "media_refused"),
    (400, ["[object Object]"], Rejected, "payload_refused"),
    (400, NOT_ON_WHATSAPP, Rejected, "not_on_whatsapp"),
    (500, READING.format("onWhatsApp"), InstanceOffline, "instance_offline"),
    (500, "Connection Closed", InstanceOffline, "instance_offline"),
    (400, ["Error: Connection Closed"], OutcomeUnknown, "connection_closed"),
    (400, [f"TypeError: {READING.format('sendMessage')}"], InstanceOffline, "instance_offline"),
    (500, READING.format("textMessage"), InstanceOffline, "instance_offline"),
    (
        500,
        [f"TypeError: {READING.format('waUploadToServer')}"],
        InstanceOffline,
        "instance_offline",
    ),
    (500, ["Error: Media upload failed on all hosts"], InstanceOffline, "instance_offline"),
    (500, ["Error: Input buffer contains unsupported image format"], Rejected, "media_refused"),
    (500, ["Error: getaddrinfo ENOTFOUND x"], Unavailable, "media_download_failed"),
    (500, "Timed Out", InstanceOffline, "number_check_failed"),
    (400, ["Error: Timed Out"], OutcomeUnknown, "unclear_answer"),
    (400, ["Error: rate-overlimit"], OutcomeUnknown, "rate_overlimit"),
    (500, "rate-overlimit", InstanceOffline, "rate_overlimit"),
    (400, ["PrismaClientKnownRequestError: x"], OutcomeUnknown, "unclear_answer"),
    (400, ["DriverAdapterError: x"], OutcomeUnknown, "unclear_answer"),
    (401, "Unauthorized", InstanceOffline, "unauthorized"),
    (403, ["Forbidden"], InstanceOffline, "unauthorized"),
    (404, ['The "x" instance does not exist'], InstanceOffline, "instance_missing"),
    (404, ["Cannot POST /x"], InstanceOffline, "wrong_address"),
    (500, "something new", OutcomeUnknown, "unclear_answer"),
    (500, ["Error: something new"], OutcomeUnknown, "unclear_answer"),
    (502, "Bad Gateway", OutcomeUnknown, "unclear_answer"),
    (504, "Gateway Timeout", OutcomeUnknown, "unclear_answer"),
    (302, "Found", OutcomeUnknown, "unclear_answer"),
    (429, "slow down", InstanceOffline, "provider_busy"),
    (503, "busy", InstanceOffline, "provider_busy"),
]


@pytest.mark.parametrize(("status", "message", "error", "code"), ROWS)
def test_what_a_refusal_proves(
    status: int, message: object, error: type[ProviderError], code: str
) -> None:
    with pytest.raises(ProviderError) as raised:
        receipt_of(status, answer(message), {})
    assert type(raised.value) is error
    assert (raised.value.code, raised.value.http_status) == (code, status)
    assert "5531" not in raised.value.detail


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"key": {}},
        {"key": {"id": ""}},
        {"key": "x"},
        {"message": "(#131026)", "type": "OAuthException", "code": 131026},
    ],
)
def test_a_201_without_a_key_proves_nothing(body: Mapping[str, Any] | None) -> None:
    with pytest.raises(OutcomeUnknown):
        receipt_of(201, body, {})


def test_a_201_with_a_key_is_a_receipt() -> None:
    body = {"key": {"id": "3EB0AA", "remoteJid": "553187654321@s.whatsapp.net"}}
    receipt = receipt_of(201, body, {})
    assert (receipt.provider_id, receipt.remote_jid) == ("3EB0AA", "553187654321@s.whatsapp.net")


def test_retry_after_is_heard() -> None:
    with pytest.raises(InstanceOffline) as raised:
        receipt_of(429, None, {"Retry-After": "120"})
    assert raised.value.retry_after_seconds == 120


def test_a_missing_licence_rests_the_instance() -> None:
    with pytest.raises(InstanceOffline, match="license_required"):
        receipt_of(503, {"code": "LICENSE_REQUIRED", "message": "x"}, {})
