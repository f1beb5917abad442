"""The OpenTelemetry collector, where tracing is on: does it take what processes send it?"""

from collections.abc import Iterator
from typing import Final

import httpx

from deploy.doctor.finding import Finding
from shared.settings import Settings

_NO_SPANS: Final = b""  # an export of none, in protobuf
_FIX: Final = (
    "Check RAPIDFLOW_TRACING__ENDPOINT and RAPIDFLOW_TRACING_HEADERS, and that the collector takes "
    "OTLP over HTTP there. Sending goes on without it."
)


def look(settings: Settings) -> Iterator[Finding]:
    """Nothing where tracing is off."""
    knobs = settings.tracing
    if not knobs.endpoint:
        return
    headers = {**settings.tracing_header_pairs, "Content-Type": "application/x-protobuf"}
    try:
        answer = httpx.post(
            f"{knobs.endpoint}/v1/traces",
            content=_NO_SPANS,
            headers=headers,
            timeout=knobs.timeout_seconds,
        )
    except httpx.HTTPError as exc:
        yield Finding("tracing", False, f"the collector does not answer: {exc!r}", _FIX)
    else:
        found = f"the collector answers {answer.status_code}"
        yield Finding("tracing", answer.is_success, found, _FIX)
