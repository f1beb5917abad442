"""Sending through Evolution: HTTP to the outside, our errors on the inside.

It never retries, sleeps or reads the database. Transport errors are sorted like answers: no byte of
the request left = `Unavailable`, anything later = `OutcomeUnknown`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp
import orjson
from yarl import URL

from shared.domain.delivery import Receipt
from shared.errors import NotBegun, OutcomeUnknown, Unavailable
from shared.failpoints import failpoint
from shared.providers.evolution_answers import receipt_of
from shared.settings import DeliverySettings

_first_byte_before: ContextVar[float | None] = ContextVar("first_byte_before", default=None)

_PAGE_SIZE = 50
_HISTORY_PAGE_SIZE = 200


def boot_seconds() -> float:
    """A clock that also runs while the machine or the process was stopped."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class TooLateToBegin(Exception):
    """The request was not written: too long since the attempt was committed."""


class _GuardedRequest(aiohttp.ClientRequest):
    """Looks at the clock right before the first byte: a process that was stopped sends nothing."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        limit = _first_byte_before.get()
        if limit is not None and boot_seconds() > limit:
            raise TooLateToBegin
        answer = await super().send(conn)
        if limit is not None:
            failpoint("worker_after_first_byte")
        return answer


@dataclass(frozen=True, slots=True)
class Instance:
    """Evolution's name of an instance and its own key."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A row of findMessages: one of our messages as WhatsApp has it. `at` is unix seconds."""

    provider_id: str
    remote_jid: str
    text: str
    has_image: bool
    at: int


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """A message of an instance's history, theirs or ours; `other_jid` where a hidden id is used."""

    provider_id: str
    remote_jid: str
    other_jid: str
    from_me: bool
    text: str
    has_image: bool
    at: int


class EvolutionClient:
    """One per event loop; connections are reused for less time than Node keeps them."""

    def __init__(self, base_url: str, limits: DeliverySettings) -> None:
        self._base_url = base_url
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=self._limits.keepalive_seconds, ttl_dns_cache=60
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._limits.call_deadline_seconds, sock_connect=self._limits.connect_seconds
            ),
            request_class=_GuardedRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("EvolutionClient is used outside its `async with`")
        return self._session

    async def send_text(
        self, instance: Instance, phone: str, text: str, *, begun_at: float
    ) -> Receipt:
        """`POST /message/sendText`; `begun_at` (boot_seconds) is when the attempt was committed."""
        return await self._send(
            instance, "sendText", {"number": phone, "text": text}, begun_at=begun_at
        )

    async def send_image(
        self, instance: Instance, phone: str, url: str, caption: str, *, begun_at: float
    ) -> Receipt:
        """`POST /message/sendMedia` with a known extension, which Evolution takes the type from."""
        body = {
            "number": phone,
            "mediatype": "image",
            "media": url,
            "fileName": _image_name(url),
            "caption": caption,
        }
        return await self._send(instance, "sendMedia", body, begun_at=begun_at)

    async def find_own_messages(
        self, instance: Instance, jid: str, since: datetime, until: datetime, *, most_pages: int
    ) -> tuple[list[FoundMessage], bool]:
        """Our messages to `jid` in a stretch of time, newest first, and whether these are all: it
        reads so many pages of 50. Evolution heeds `gte` and `lte` only together, and takes the page
        size as `offset`.

        Raises:
            Unavailable: the question was not answered; it may be asked again.
        """
        found: list[FoundMessage] = []
        for page in range(1, most_pages + 1):
            messages = await self._find_messages(instance, jid, since, until, page)
            records = messages.get("records")
            found += _found(records if isinstance(records, list) else [])
            pages = messages.get("pages")
            if not isinstance(pages, int) or page >= pages:
                return found, True
        return found, False

    async def history(
        self, instance: Instance, since: datetime, until: datetime
    ) -> AsyncIterator[list[HistoryMessage]]:
        """Everything an instance wrote and got in a stretch of time, page by page, newest first.

        Raises:
            Unavailable: the question was not answered; what came before is not all of it.
        """
        page = pages = 1
        while page <= pages:
            messages = await self._find_messages(
                instance, None, since, until, page, size=_HISTORY_PAGE_SIZE
            )
            records = messages.get("records")
            yield _history(records if isinstance(records, list) else [])
            told = messages.get("pages")
            pages = told if isinstance(told, int) else page
            page += 1

    async def _find_messages(
        self,
        instance: Instance,
        jid: str | None,
        since: datetime,
        until: datetime,
        page: int,
        *,
        size: int = _PAGE_SIZE,
    ) -> Mapping[str, Any]:
        where: dict[str, Any] = {
            "messageTimestamp": {"gte": since.isoformat(), "lte": until.isoformat()},
        }
        if jid is not None:
            where["key"] = {"fromMe": True, "remoteJid": jid}
        asked = {"where": where, "page": page, "offset": size}
        url = _address(self._base_url, "chat/findMessages", instance.name)
        try:
            status, body, _ = await self._post(url, instance, asked)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unavailable("lookup_failed", repr(exc)) from exc
        if status != 200 or not isinstance(body, Mapping):
            raise Unavailable("lookup_failed", f"HTTP {status}", http_status=status)
        found = body.get("messages")
        if not isinstance(found, dict):
            raise Unavailable("lookup_failed", "no messages in the answer", http_status=status)
        return found

    async def connection_state(self, instance: Instance) -> str:
        """Evolution's word for the connection now: open, connecting, close; `missing` where it does
        not know the instance.

        Raises:
            Unavailable: the question was not answered.
        """
        url = _address(self._base_url, "instance/connectionState", instance.name)
        try:
            async with self._open_session.get(
                url, headers={"apikey": instance.token}, allow_redirects=False
            ) as answer:
                body = _json(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unavailable("state_unknown", repr(exc)) from exc
        if answer.status == 404:
            return "missing"
        if answer.status != 200 or body is None:
            raise Unavailable("state_unknown", f"HTTP {answer.status}", http_status=answer.status)
        told = body.get("instance")
        return str((told.get("state") if isinstance(told, dict) else None) or "close")

    async def _send(
        self, instance: Instance, route: str, payload: Mapping[str, Any], *, begun_at: float
    ) -> Receipt:
        url = _address(self._base_url, f"message/{route}", instance.name)
        _first_byte_before.set(begun_at + self._limits.first_byte_seconds)
        try:
            status, body, headers = await self._post(url, instance, payload)
        except TooLateToBegin as exc:
            raise NotBegun("not_begun_in_time") from exc
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
            raise Unavailable("connect_failed", repr(exc)) from exc
        except TimeoutError as exc:
            raise OutcomeUnknown("timeout", repr(exc)) from exc
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as exc:
            raise OutcomeUnknown("connection_lost", repr(exc)) from exc
        finally:
            _first_byte_before.set(None)
        return receipt_of(status, body, headers)

    async def _post(
        self, url: URL, instance: Instance, payload: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any] | None, Mapping[str, str]]:
        async with self._open_session.post(
            url,
            data=orjson.dumps(payload),
            headers={"apikey": instance.token, "Content-Type": "application/json"},
            allow_redirects=False,
        ) as answer:
            return answer.status, _json(await answer.read()), answer.headers


@lru_cache(maxsize=2048)
def _address(base_url: str, route: str, instance_name: str) -> URL:
    """Parsed once for an instance: parsing costs as much as building the request."""
    return URL(f"{base_url}/{route}/{quote(instance_name, safe='')}", encoded=True)


def _json(raw: bytes) -> Mapping[str, Any] | None:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _image_name(url: str) -> str:
    extension = urlsplit(url).path.rpartition(".")[2].lower()
    return f"imagem.{extension if extension in {'png', 'jpeg', 'webp', 'gif'} else 'jpg'}"


def _found(records: Sequence[Any]) -> list[FoundMessage]:
    """Rows that are messages of ours; anything of another shape is passed over."""
    found = []
    for record in records:
        key = record.get("key") if isinstance(record, dict) else None
        if isinstance(key, dict) and key.get("fromMe") and isinstance(key.get("id"), str):
            at = unix_seconds(record.get("messageTimestamp"))
            jid = str(key.get("remoteJid") or "")
            found.append(FoundMessage(key["id"], jid, text_of(record), has_image(record), at))
    return found


def _history(records: Sequence[Any]) -> list[HistoryMessage]:
    found = []
    for record in records:
        key = record.get("key") if isinstance(record, dict) else None
        if isinstance(key, dict) and isinstance(key.get("id"), str):
            found.append(
                HistoryMessage(
                    key["id"],
                    str(key.get("remoteJid") or ""),
                    str(key.get("remoteJidAlt") or ""),
                    bool(key.get("fromMe")),
                    text_of(record),
                    has_image(record),
                    unix_seconds(record.get("messageTimestamp")),
                )
            )
    return found


def text_of(record: Mapping[str, Any]) -> str:
    """The text of a message, or the caption of an image; empty where there is none."""
    message = record.get("message")
    if not isinstance(message, dict):
        return ""
    image, extended = message.get("imageMessage"), message.get("extendedTextMessage")
    caption = image.get("caption") if isinstance(image, dict) else None
    linked = extended.get("text") if isinstance(extended, dict) else None
    text = message.get("conversation") or linked or caption
    return text if isinstance(text, str) else ""


def has_image(record: Mapping[str, Any]) -> bool:
    """Whether a message is an image, with or without a caption."""
    message = record.get("message")
    return isinstance(message, dict) and isinstance(message.get("imageMessage"), dict)


def unix_seconds(value: object) -> int:
    """A `messageTimestamp`: a number, its text, or a Long `{low, high}`; 0 where it is none."""
    if isinstance(value, dict):
        value = value.get("low")
    try:
        return int(value) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0
