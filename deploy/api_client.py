"""The REST side of the command line: one tenant's campaigns, seen from outside."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

API_KEY_PREFIX: Final = "rf_"
API_KEY_FILE: Final = "api-key"

_TIMEOUT: Final = httpx.Timeout(30, connect=5)
_ATTEMPTS: Final = 4
_LONGEST_WAIT_SECONDS: Final = 60.0
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})

Json = dict[str, Any]


class ApiError(Exception):
    """The server refused: `str()` is its sentence; `fields` are `{path, message}`."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        fields: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.fields = tuple(fields)


class UnreachableError(ApiError):
    """No usable answer: not running, network down, or overloaded past all patience."""

    def __init__(
        self, message: str, *, status: int = 0, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message, status=status, code="unreachable")
        self.retry_after_seconds = retry_after_seconds
        self.never_arrived = False  # no connection, or refused at the door: nothing happened
        self.may_pass = True  # worth another try


class NoTokenError(Exception):
    """Nothing to authenticate with; `str()` says how to get it."""


def find_token(given: str | None, data_dir: str | Path) -> str:
    """The token given, else the API key `rapidflow up` left in `data_dir`. Raises NoTokenError."""
    if given and given.strip():
        return given.strip()
    path = Path(data_dir) / API_KEY_FILE
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError:
        token = ""
    if not token:
        raise NoTokenError(
            f"No token: there is no API key in {path} (`rapidflow up` writes one). Make one with"
            " `rapidflow token create` and give it with --token or RAPIDFLOW_TOKEN."
        )
    return token


class ApiClient:
    """One server and one credential. Every method raises ApiError or UnreachableError."""

    def __init__(
        self, url: str, token: str, *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.url = url.rstrip("/")
        header = (
            {"X-API-Key": token}
            if token.startswith(API_KEY_PREFIX)
            else {"Authorization": f"Bearer {token}"}
        )
        self._sleep = sleep
        self._http = httpx.Client(base_url=self.url, headers=header, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def create_campaign(self, body: Json, *, idempotency_key: str) -> Json:
        """POST /api/campaigns: the whole 201 answer. Safe to repeat: the key names the effect."""
        headers = {"Idempotency-Key": idempotency_key}
        return self._ask("POST", "/api/campaigns", attempts=_ATTEMPTS, json=body, headers=headers)

    def campaign(self, campaign_id: str) -> Json:
        """GET /api/campaigns/:id: its `campaign`."""
        return self._get(f"/api/campaigns/{quote(campaign_id, safe='')}", "campaign")

    def metrics(self, campaign_id: str, *, attempts: int = _ATTEMPTS) -> Json:
        """GET /api/campaigns/:id/metrics: its `metrics`."""
        path = f"/api/campaigns/{quote(campaign_id, safe='')}/metrics"
        return self._get(path, "metrics", attempts=attempts)

    def doubts(self, campaign_id: str | None) -> list[Json]:
        """GET /api/campaigns/:id/doubts, or of all campaigns: every page of them."""
        path = "/api/doubts"
        if campaign_id is not None:
            path = f"/api/campaigns/{quote(campaign_id, safe='')}/doubts"
        found: list[Json] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": 100, "cursor": cursor}
            answer = self._ask("GET", path, attempts=_ATTEMPTS, params=query)
            found += answer["doubts"]
            cursor = answer["next_cursor"]
        return found

    def decide_doubts(self, campaign_id: str, body: Json, *, idempotency_key: str) -> Json:
        """POST /api/campaigns/:id/doubts/decide: the whole answer. Safe to repeat."""
        path = f"/api/campaigns/{quote(campaign_id, safe='')}/doubts/decide"
        headers = {"Idempotency-Key": idempotency_key}
        return self._ask("POST", path, attempts=_ATTEMPTS, json=body, headers=headers)

    def socket_url(self) -> str:
        """`ws(s)://…/ws?ticket=…` with a fresh single-use ticket."""
        answer = self._ask("POST", "/api/ws/ticket", attempts=1)
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        query = f"ticket={quote(str(answer.get('ticket', '')), safe='')}"
        return urlunsplit((scheme, parts.netloc, f"{parts.path}/ws", query, ""))

    def _get(self, path: str, part: str, *, attempts: int = _ATTEMPTS) -> Json:
        found = self._ask("GET", path, attempts=attempts).get(part)
        if not isinstance(found, dict):
            raise UnreachableError(f"{self.url} does not answer like RapidFlow (no {part!r}).")
        return found

    def _ask(self, method: str, path: str, *, attempts: int, **request: Any) -> Json:
        arrived = False
        for attempt in range(1, attempts + 1):
            wait = 0.5 * 2**attempt
            try:
                return _answer(self._http.request(method, path, **request))
            except (httpx.TransportError, httpx.InvalidURL) as error:
                failure = self._unreachable(error)
                failure.__cause__ = error
            except UnreachableError as error:
                failure = error
                wait = error.retry_after_seconds or wait
            arrived = arrived or not failure.never_arrived
            if attempt == attempts or not failure.may_pass:
                failure.never_arrived = not arrived
                raise failure
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, error: Exception) -> UnreachableError:
        if isinstance(error, httpx.ConnectError):
            why = f"Nothing answers at {self.url}: is it running (`rapidflow up`)? ({error})"
        elif isinstance(error, httpx.TimeoutException):
            why = f"{self.url} did not answer in time."
        else:
            why = f"{self.url} cannot be asked: {error}."
        unreachable = UnreachableError(why)
        unreachable.never_arrived = isinstance(
            error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol)
        )
        unreachable.may_pass = not isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL))
        return unreachable


def retry_after(header: str | None, default: float) -> float:
    """Seconds a 429 or 503 asks to wait, at most a minute."""
    try:
        seconds = float(header or "")
    except ValueError:
        return default
    if not math.isfinite(seconds):
        return default
    return min(max(seconds, 0.1), _LONGEST_WAIT_SECONDS)


def _answer(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and isinstance(body, dict):
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        raise _strange(response)
    raise _refusal(response, error)


def _refusal(response: httpx.Response, error: Mapping[str, Any]) -> ApiError:
    status = response.status_code
    message = str(error.get("message") or f"The server answered {status}.")
    if status == 429 or status >= 500:
        wait = retry_after(response.headers.get("Retry-After"), 0) or None
        refusal = UnreachableError(message, status=status, retry_after_seconds=wait)
        refusal.never_arrived = status == 429
        refusal.may_pass = status in _TRY_AGAIN
        return refusal
    return ApiError(
        message,
        status=status,
        code=str(error.get("code") or ""),
        request_id=str(error.get("request_id") or ""),
        fields=[field for field in error.get("fields") or () if isinstance(field, dict)],
    )


def _strange(response: httpx.Response) -> UnreachableError:
    """A proxy's page, or another program on that port."""
    status = response.status_code
    strange = UnreachableError(
        f"{response.request.url.copy_with(query=None)} answered {status}, not as RapidFlow does.",
        status=status,
        retry_after_seconds=retry_after(response.headers.get("Retry-After"), 0) or None,
    )
    strange.may_pass = status in _TRY_AGAIN
    return strange
