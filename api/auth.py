"""Who is asking, and may they? Every route says one of `public` or `require(role)`."""

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import Flask, g, request
from flask.typing import ResponseReturnValue

from api.runtime import Runtime, runtime
from shared.coordination.rate_limit import Allowance
from shared.db import api_keys, users
from shared.db.pool import auth_transaction, tenant_transaction
from shared.db.users import ROLES, Role, User
from shared.errors import Forbidden, RateLimited, Unauthorized
from shared.observability import metrics
from shared.security.tokens import API_KEY_PREFIX, token_hash

View = Callable[..., ResponseReturnValue]

_CACHE_SECONDS: Final = 20.0  # well within the 30 s in which a change must take effect
_CACHE_SIZE: Final = 10_000
_ACCESS: Final = "__rapidflow_access__"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request is from; `family_id` and `expires_at` only with an access token."""

    user: User
    actor: str
    family_id: UUID | None = None
    expires_at: datetime | None = None


class PrincipalCache:
    """Users rows and key owners of this process, never older than twenty seconds."""

    def __init__(self) -> None:
        self._entries: dict[Any, tuple[float, Any]] = {}
        self._loading: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, load: Callable[[], Any]) -> Any:
        """The value of `key`, loaded when unknown or old; None is not kept.

        Of many requests that miss it at once, one asks the database and the others wait for it.
        """
        found, value = self._find(key)
        if found:
            return value
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            found, value = self._find(key)
            if not found:
                value = self._load(key, load)
        return value

    def _find(self, key: Any) -> tuple[bool, Any]:
        entry = self._entries.get(key)
        return (
            (True, entry[1]) if entry is not None and entry[0] > time.monotonic() else (False, None)
        )

    def _load(self, key: Any, load: Callable[[], Any]) -> Any:
        now = time.monotonic()
        try:
            value = load()
        finally:
            with self._lock:
                self._loading.pop(key, None)
        with self._lock:
            if len(self._entries) >= _CACHE_SIZE:
                self._entries.clear()
            if value is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = (now + _CACHE_SECONDS, value)
        return value

    def forget(self, key: Any) -> None:
        """What just changed in this process is read again at once."""
        self._entries.pop(key, None)


_cache = PrincipalCache()


def public(view: View) -> View:
    """Anyone may call this route; it does its own checks."""
    setattr(view, _ACCESS, "public")
    return view


def require(role: Role) -> Callable[[View], View]:
    """At least `role`, inside the request rate; the view gets its `User` first."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(**arguments: Any) -> ResponseReturnValue:
            principal = authenticate(runtime())
            g.principal = principal
            _count_request(runtime(), principal.user)
            if ROLES.index(principal.user.role) < ROLES.index(role):
                raise Forbidden("Seu papel não permite esta ação.")
            return view(principal.user, **arguments)

        setattr(guarded, _ACCESS, role)
        return guarded

    return decorate


def access_of(view: Callable[..., Any]) -> str:
    """`public`, or the least role that may call it."""
    return str(getattr(view, _ACCESS))


def check_every_route_is_guarded(app: Flask) -> None:
    """Deny by default: a route that says neither `public` nor `require` stops the start."""
    for endpoint, view in app.view_functions.items():
        if not hasattr(view, _ACCESS):
            raise RuntimeError(f"route {endpoint} does not say who may call it")


def current_principal() -> Principal:
    """Of a request that passed `require`."""
    principal: Principal = g.principal
    return principal


def authenticate(parts: Runtime) -> Principal:
    """From `Authorization: Bearer <access token or API key>` or `X-API-Key`.

    Raises:
        Unauthorized: nothing valid was sent, or the account is disabled.
    """
    key = request.headers.get("X-API-Key", "")
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if not key and scheme.lower() == "bearer" and bearer.startswith(API_KEY_PREFIX):
        key = bearer.strip()
    if key:
        return _by_api_key(parts, key)
    if scheme.lower() != "bearer" or not bearer:
        raise Unauthorized("É preciso entrar.")
    return _by_access_token(parts, bearer.strip())


def load_user(parts: Runtime, tenant_id: int, user_id: int) -> User | None:
    """The users row, at most twenty seconds old."""

    def load() -> User | None:
        with tenant_transaction(parts.pool, tenant_id) as conn:
            return users.find_user(conn, tenant_id, user_id)

    user: User | None = _cache.get((id(parts), tenant_id, user_id), load)
    return user


def forget_user(parts: Runtime, user: User) -> None:
    """After a change to the row made by this process."""
    _cache.forget((id(parts), user.tenant_id, user.user_id))


def forget_key(parts: Runtime) -> None:
    """After a key was revoked by this process: key owners are read again."""
    del parts
    _cache._entries.clear()


def _by_access_token(parts: Runtime, token: str) -> Principal:
    claims = parts.tokens.check(token)
    user = load_user(parts, claims.tenant_id, claims.user_id)
    if user is None or user.disabled or user.session_epoch != claims.session_epoch:
        raise Unauthorized("A sessão terminou; entre de novo.", code="session_ended")
    return Principal(user, f"user:{user.user_id}", claims.family_id, claims.expires_at)


def _by_api_key(parts: Runtime, key: str) -> Principal:
    hashed = token_hash(key)

    def load() -> tuple[int, int] | None:
        with auth_transaction(parts.pool) as conn:
            return api_keys.find_owner(conn, hashed)

    owner: tuple[int, int] | None = _cache.get((id(parts), hashed), load)
    user = load_user(parts, *owner) if owner else None
    if user is None or user.disabled:
        raise Unauthorized("Chave de API inválida.", code="invalid_api_key")
    return Principal(user, f"key:user:{user.user_id}")


def _count_request(parts: Runtime, user: User) -> None:
    allowance = parts.limits.hit(
        "requests",
        f"{user.tenant_id}:{user.user_id}",
        limit=user.requests_per_minute,
        seconds=60,
    )
    g.allowance = allowance
    if not allowance.allowed:
        metrics.record_rate_limited("requests")
        raise RateLimited(
            f"Limite de {allowance.limit} pedidos por minuto atingido.",
            retry_after_seconds=allowance.reset_seconds,
        )


def rate_limit_remaining() -> int:
    """Of this minute, after this request."""
    allowance: Allowance | None = g.get("allowance")
    return 0 if allowance is None else allowance.remaining
