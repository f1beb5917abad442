"""Instances at Evolution: create, adopt, connect, webhook, delete. Blocking, never retried.

Our errors come out: Rejected (refused, with its words), InstanceOffline (`instance_missing`,
`unauthorized`), Unavailable (it was not reached), OutcomeUnknown (anything else).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from shared.errors import InstanceOffline, OutcomeUnknown, Rejected, Unavailable

if TYPE_CHECKING:
    import httpx

WEBHOOK_EVENTS: Final = (
    "SEND_MESSAGE",
    "MESSAGES_UPDATE",
    "MESSAGES_UPSERT",
    "CONNECTION_UPDATE",
    "STATUS_INSTANCE",
    "LOGOUT_INSTANCE",
    "REMOVE_INSTANCE",
    "QRCODE_UPDATED",
)
NAME_IN_USE: Final = "name_in_use"
MISSING: Final = "instance_missing"

_SECONDS: Final = 20.0  # create with a QR code takes five and more
_CONNECT_SECONDS: Final = 3.0
_STATES: Final = frozenset({"open", "connecting", "close", "refused"})


@dataclass(frozen=True, slots=True)
class Qr:
    """What a phone scans: `base64` is a data URI, `code` the text in it."""

    base64: str | None
    code: str | None
    pairing_code: str | None


@dataclass(frozen=True, slots=True)
class Connection:
    """State in Evolution's word, and the QR code while it waits for a phone."""

    state: str
    qr: Qr | None = None


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """An instance as Evolution lists it; `owner_phone` in digits."""

    name: str
    token: str
    state: str
    owner_phone: str | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an instance reports, and the secret it signs with."""

    url: str
    secret: str
    enabled: bool = True


class EvolutionAdmin:
    """One Evolution server and its global key."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._key = api_key
        self._base_url = base_url
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        if self._http is not None:
            self._http.close()

    def create(self, name: str, token: str, webhook: Webhook, *, qrcode: bool) -> Connection:
        """Make an instance whose key is `token`.

        Raises:
            Rejected: `name_in_use`, or what Evolution says about it.
        """
        body = {
            "instanceName": name,
            "integration": "WHATSAPP-BAILEYS",
            "token": token,
            "qrcode": qrcode,
            "groupsIgnore": True,
            "webhook": _webhook_body(webhook),
        }
        answer = self._ask("POST", "/instance/create", self._key, body)
        status = _part(answer, "instance").get("status")
        return Connection(_state(status), _qr(_part(answer, "qrcode")))

    def find(self, name: str, key: str | None = None) -> FoundInstance | None:
        """By name; with `key` only where that key is the instance's own."""
        try:
            rows = self._ask(
                "GET", "/instance/fetchInstances", key or self._key, params={"instanceName": name}
            )
        except InstanceOffline:  # unknown name, or a key that is not its own
            return None
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("name") == name and row.get("token"):
                return FoundInstance(
                    name, str(row["token"]), _state(row.get("connectionStatus")), _owner(row)
                )
        return None

    def connect(self, name: str, token: str) -> Connection:
        """Start the socket if it is closed; the QR code while no phone is linked."""
        answer = self._ask("GET", f"/instance/connect/{_path(name)}", token)
        instance = _part(answer, "instance")
        if instance:
            return Connection(_state(instance.get("state")))
        return Connection("connecting", _qr(answer if isinstance(answer, dict) else {}))

    def state(self, name: str, token: str) -> str:
        """`open`, `connecting`, `close` or `refused`."""
        answer = self._ask("GET", f"/instance/connectionState/{_path(name)}", token)
        return _state(_part(answer, "instance").get("state"))

    def set_webhook(self, name: str, token: str, webhook: Webhook) -> None:
        """Point the instance's reports at us, or silence them (`enabled` False)."""
        body = {"webhook": {"enabled": webhook.enabled, **_webhook_body(webhook)}}
        self._ask("POST", f"/webhook/set/{_path(name)}", token, body)

    def remove(self, name: str) -> None:
        """Log out and delete; an instance that is gone already is fine."""
        for path in (f"/instance/logout/{_path(name)}", f"/instance/delete/{_path(name)}"):
            try:
                self._ask("DELETE", path, self._key)
            except Rejected:  # 400: it was logged out already
                continue
            except InstanceOffline as exc:
                if exc.code != MISSING:
                    raise

    def _client(self) -> "httpx.Client":
        import httpx

        with self._lock:
            if self._http is None:
                self._http = httpx.Client(
                    base_url=self._base_url,
                    timeout=httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
                    follow_redirects=False,
                )
            return self._http

    def _ask(
        self,
        method: str,
        path: str,
        key: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        import httpx  # most processes never administer an instance: 5 MiB

        try:
            response = self._client().request(
                method, path, headers={"apikey": key}, json=body, params=params
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            raise Unavailable("connect_failed", type(exc).__name__) from exc
        except httpx.HTTPError as exc:
            raise OutcomeUnknown("connection_lost", type(exc).__name__) from exc
        return _checked(response)


def _checked(response: "httpx.Response") -> Any:
    try:
        answer = response.json()
    except ValueError as exc:
        raise OutcomeUnknown("unclear_answer", http_status=response.status_code) from exc
    status = response.status_code
    if status in (200, 201) and not (isinstance(answer, dict) and answer.get("error") is True):
        return answer
    words = _words(answer)
    if status == 401:
        raise InstanceOffline("unauthorized", words, http_status=status)
    if status == 404:
        raise InstanceOffline(MISSING, words, http_status=status)
    if status == 403:
        raise Rejected(NAME_IN_USE, words, http_status=status)
    if status == 400:
        raise Rejected("refused", words, http_status=status)
    if status in (429, 503):
        raise Unavailable("provider_busy", words, http_status=status)
    raise OutcomeUnknown("unclear_answer", words, http_status=status)


def _words(answer: Any) -> str:
    """The four shapes of `response.message`, flattened."""
    message = answer.get("response", answer) if isinstance(answer, dict) else answer
    if isinstance(message, dict):
        message = message.get("message", "")
    while isinstance(message, list) and message:
        message = message[0]
    return str(message)[:300]


def _webhook_body(webhook: Webhook) -> dict[str, Any]:
    return {
        "url": webhook.url,
        "headers": {"jwt_key": webhook.secret},
        "byEvents": False,
        "base64": False,
        "events": list(WEBHOOK_EVENTS),
    }


def _part(answer: Any, name: str) -> dict[str, Any]:
    part = answer.get(name) if isinstance(answer, dict) else None
    return part if isinstance(part, dict) else {}


def _state(value: Any) -> str:
    return str(value) if value in _STATES else "close"


def _owner(row: Mapping[str, Any]) -> str | None:
    jid = row.get("ownerJid")
    return str(jid).partition("@")[0].partition(":")[0] or None if jid else None


def _qr(part: Mapping[str, Any]) -> Qr | None:
    if not part.get("base64") and not part.get("code"):
        return None
    return Qr(part.get("base64"), part.get("code"), part.get("pairingCode"))


def _path(name: str) -> str:
    return quote(name, safe="")
