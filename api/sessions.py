"""Signing in, going on, signing out: what happens to users, tokens and the audit log."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from api.runtime import Runtime
from shared.db import audit, refresh_tokens, users
from shared.db.pool import auth_transaction, tenant_transaction
from shared.db.refresh_tokens import TokenOwner
from shared.db.users import Login, User
from shared.errors import FieldProblem, InvalidRequest, RateLimited, Unauthorized
from shared.observability import metrics
from shared.security.passwords import check_password
from shared.security.tokens import new_refresh_token, token_hash

_ACCOUNT: Final = "login_account"  # from one address
_HEAT: Final = "login_heat"  # from anywhere
_SLOW: Final = "login_slow"
_ADDRESS: Final = "login_address"
_SLOW_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Session:
    """What a client holds after signing in; `expires_in` seconds for the access token."""

    user: User
    access_token: str
    refresh_token: str
    expires_in: int


def sign_in(parts: Runtime, email: str, password: str, address: str) -> Session:
    """Check the password, within the limits of account and address.

    Raises:
        RateLimited: too many failures for this account or from this address.
        Unauthorized: unknown, wrong or disabled: the same answer after the same time.
        TemporarilyUnavailable: Redis is away, or too many hashes are being made.
    """
    account = email.strip().casefold()[:254]
    _throttle(parts, account, address)
    login = _find_login(parts, account)
    known = parts.passwords.verify(login.password_hash if login else None, password)
    if login is None or not known or login.disabled:
        _count_address(parts, address)
        raise Unauthorized("E-mail ou senha incorretos.", code="invalid_credentials")
    _cool(parts, account, address)
    _rehash(parts, login, password)
    return _begin(parts, login)


def refresh(parts: Runtime, token: str) -> Session:
    """Trade a refresh token for the next one and a new access token.

    Raises:
        Unauthorized: unknown, expired, revoked or used before; then its whole family ends.
    """
    hashed = token_hash(token)
    with auth_transaction(parts.pool) as conn:
        owner = refresh_tokens.find_owner(conn, hashed)
    if owner is None:
        raise _session_over()
    with tenant_transaction(parts.pool, owner.tenant_id) as conn:
        good = refresh_tokens.spend(conn, owner, hashed)
        user = users.find_user(conn, owner.tenant_id, owner.user_id) if good else None
        if user is None or user.disabled:
            refresh_tokens.revoke_family(conn, owner.tenant_id, owner.family_id)
            session = None
        else:
            following = new_refresh_token()
            refresh_tokens.store(conn, owner, token_hash(following), life=_life(parts))
            session = _session(parts, user, owner, following)
    if session is None:
        raise _session_over()
    return session


def sign_out(parts: Runtime, token: str) -> User | None:
    """End the sign-in this refresh token belongs to; other sign-ins go on."""
    with auth_transaction(parts.pool) as conn:
        owner = refresh_tokens.find_owner(conn, token_hash(token))
    return None if owner is None else end_family(parts, owner)


def end_family(parts: Runtime, owner: TokenOwner) -> User | None:
    """Revoke a sign-in; access tokens of the user made before end too, refreshing renews them."""
    with tenant_transaction(parts.pool, owner.tenant_id) as conn:
        user = users.find_user(conn, owner.tenant_id, owner.user_id)
        refresh_tokens.revoke_family(conn, owner.tenant_id, owner.family_id)
        users.end_access_tokens(conn, owner.tenant_id, owner.user_id)
        audit.record(
            conn,
            owner.tenant_id,
            actor=f"user:{owner.user_id}",
            action="logout",
            subject=f"user:{owner.user_id}",
        )
    return user


def change_password(parts: Runtime, user: User, current: str, new: str, address: str) -> Session:
    """Replace one's own password; every sign-in ends, and the answer is a new one.

    Whoever finds an open session may not guess the password in it: the limits of signing in hold.

    Raises:
        InvalidRequest: `current` is not the password, or `new` is none to take.
        RateLimited: too many failures for this account or from this address.
        TemporarilyUnavailable: Redis is away, or too many hashes are being made.
    """
    check_password(new, path="new_password")
    if new == current:
        raise _refused("new_password", "A senha nova é igual à atual.", "same_password")
    account = user.email.strip().casefold()
    _throttle(parts, account, address)
    login = _find_login(parts, account)
    if login is None or not parts.passwords.verify(login.password_hash, current):
        _count_address(parts, address)
        raise _wrong_password()
    _cool(parts, account, address)
    hashed = parts.passwords.hash(new)
    with tenant_transaction(parts.pool, login.tenant_id) as conn:
        if not users.replace_password(conn, login, hashed):
            raise _wrong_password()
        refresh_tokens.revoke_user(conn, login.tenant_id, login.user_id)
        subject = f"user:{login.user_id}"
        audit.record(
            conn, login.tenant_id, actor=subject, action="password_changed", subject=subject
        )
    return _begin(parts, login)


def _wrong_password() -> InvalidRequest:
    return _refused("current_password", "A senha atual não confere.", "wrong_password")


def _refused(path: str, problem: str, code: str) -> InvalidRequest:
    return InvalidRequest(problem, code=code, fields=[FieldProblem(path, problem, code)])


def _throttle(parts: Runtime, account: str, address: str) -> None:
    """Refuse an address that tried too often. An account that is tried from many addresses is only
    slowed down for each of them: strangers cannot lock its owner out."""
    auth = parts.settings.auth
    seconds = auth.login_window_minutes * 60
    here = f"{account}|{address}"
    place = parts.limits.look_strictly(
        _ADDRESS, address, limit=auth.login_per_address, seconds=seconds
    )
    if place.allowed:
        place = parts.limits.hit_strictly(
            _ACCOUNT, here, limit=auth.login_per_account, seconds=seconds
        )
    if place.allowed:
        heat = parts.limits.hit_strictly(
            _HEAT, account, limit=auth.login_per_account, seconds=seconds
        )
        if not heat.allowed:
            place = parts.limits.hit_strictly(_SLOW, here, limit=1, seconds=_SLOW_SECONDS)
    if not place.allowed:
        metrics.record_rate_limited("login")
        raise RateLimited(
            "Tentativas demais; aguarde antes de tentar de novo.",
            code="login_throttled",
            retry_after_seconds=place.reset_seconds,
        )


def _cool(parts: Runtime, account: str, address: str) -> None:
    """A good password: what was tried before it no longer counts against the account."""
    auth = parts.settings.auth
    seconds = auth.login_window_minutes * 60
    for name, key in ((_ACCOUNT, f"{account}|{address}"), (_HEAT, account)):
        parts.limits.forget(name, key, seconds=seconds)


def _count_address(parts: Runtime, address: str) -> None:
    auth = parts.settings.auth
    parts.limits.hit(
        _ADDRESS, address, limit=auth.login_per_address, seconds=auth.login_window_minutes * 60
    )


def _find_login(parts: Runtime, email: str) -> Login | None:
    with auth_transaction(parts.pool) as conn:
        return users.find_login(conn, email)


def _rehash(parts: Runtime, login: Login, password: str) -> None:
    if parts.passwords.needs_rehash(login.password_hash):
        hashed = parts.passwords.hash(password)
        with tenant_transaction(parts.pool, login.tenant_id) as conn:
            users.rehash(conn, login, hashed)


def _begin(parts: Runtime, login: Login) -> Session:
    owner = TokenOwner(login.tenant_id, login.user_id, uuid.uuid4())
    token = new_refresh_token()
    with tenant_transaction(parts.pool, login.tenant_id) as conn:
        user = users.find_user(conn, login.tenant_id, login.user_id)
        refresh_tokens.store(conn, owner, token_hash(token), life=_life(parts))
        audit.record(
            conn,
            login.tenant_id,
            actor=f"user:{login.user_id}",
            action="login",
            subject=f"user:{login.user_id}",
        )
    if user is None:
        raise _session_over()
    return _session(parts, user, owner, token)


def _session(parts: Runtime, user: User, owner: TokenOwner, token: str) -> Session:
    access = parts.tokens.issue(
        tenant_id=user.tenant_id,
        user_id=user.user_id,
        session_epoch=user.session_epoch,
        family_id=owner.family_id,
    )
    return Session(user, access, token, parts.tokens.seconds)


def _life(parts: Runtime) -> timedelta:
    return timedelta(days=parts.settings.auth.refresh_days)


def _session_over() -> Unauthorized:
    return Unauthorized("A sessão terminou; entre de novo.", code="session_ended")
