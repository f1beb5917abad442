"""Signing in and out, tickets for the WebSocket, API keys."""

import ipaddress
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from psycopg import Connection

from api import sessions
from api.auth import current_principal, forget_key, forget_user, public, require
from api.body import read_json, read_optional_json
from api.idempotency import asked_once, once
from api.json import json_response
from api.openapi.describe import ACCESS, describes
from api.openapi.faults import UNAVAILABLE, Fault
from api.origins import check_origin
from api.runtime import Runtime, runtime
from api.schemas.auth import (
    KeyBody,
    KeyCreated,
    KeyList,
    LoginBody,
    NewKeyAnswer,
    PasswordBody,
    RefreshBody,
    SessionShown,
    TicketShown,
    UserShown,
    key_answer,
    user_answer,
)
from api.schemas.words import Done
from api.sessions import Session
from shared.coordination.tickets import TicketIdentity, issue_ticket
from shared.db import api_keys, audit
from shared.db.pool import Row, tenant_transaction
from shared.db.refresh_tokens import TokenOwner
from shared.db.users import ROLES, User
from shared.errors import Forbidden, InvalidTransition, NotFound, Unauthorized
from shared.security.tokens import new_api_key, token_hash

bp = Blueprint("auth", __name__, url_prefix="/api")

COOKIE = "rapidflow_refresh"
_BODY = 8 * 1024
_OVER = Fault(401, "session_ended", "A sessão terminou; entre de novo.")
_ORIGIN = Fault(403, "origin_refused", "Origem não permitida.")


@bp.post("/auth/login")
@describes(
    "Entra com e-mail e senha",
    ACCESS,
    description="O cookie é para o console; programas usam o corpo. 5 tentativas em 15 min.",
    body=LoginBody,
    body_limit="8 KiB",
    answers={200: SessionShown},
    faults=(
        Fault(401, "invalid_credentials", "E-mail ou senha incorretos."),
        Fault(429, "login_throttled", "Tentativas demais; aguarde antes de tentar de novo."),
        *UNAVAILABLE,
    ),
    answer_headers=("Set-Cookie",),
)
@public
def login() -> ResponseReturnValue:
    """`{email, password}` for tokens."""
    body = LoginBody.model_validate(read_json(_BODY))
    session = sessions.sign_in(runtime(), body.email, body.password, client_address())
    return _session_answer(runtime(), session)


@bp.post("/auth/refresh")
@describes(
    "Renova a sessão",
    ACCESS,
    description="O token antigo está gasto; usá-lo de novo encerra a sessão inteira.",
    body=RefreshBody,
    body_optional=True,
    body_limit="8 KiB",
    answers={200: SessionShown},
    faults=(_OVER, _ORIGIN, *UNAVAILABLE),
    security=({}, {"refreshCookie": ()}),
    answer_headers=("Set-Cookie",),
)
@public
def refresh() -> ResponseReturnValue:
    """The next tokens, for a refresh token in the body or in the console's cookie."""
    return _session_answer(runtime(), sessions.refresh(runtime(), _refresh_token(runtime())))


@bp.post("/auth/logout")
@describes(
    "Encerra a sessão",
    ACCESS,
    description="Pelo refresh_token, pelo cookie ou pelo token de acesso.",
    body=RefreshBody,
    body_optional=True,
    body_limit="8 KiB",
    answers={200: Done},
    faults=(_OVER, _ORIGIN, *UNAVAILABLE),
    security=({}, {"refreshCookie": ()}, {"accessToken": ()}),
    answer_headers=("Set-Cookie",),
)
@public
def logout() -> ResponseReturnValue:
    """End this sign-in, named by refresh token, cookie or access token."""
    parts = runtime()
    body = RefreshBody.model_validate(read_optional_json(_BODY))
    if body.refresh_token or request.cookies.get(COOKIE):
        user = sessions.sign_out(parts, _refresh_token(parts))
    else:
        user = _sign_out_by_access_token(parts)
    if user is not None:
        forget_user(parts, user)
    response = json_response(Done(success=True))
    response.delete_cookie(COOKIE, path="/api/auth")
    return response


@bp.post("/auth/password")
@describes(
    "Muda a própria senha",
    ACCESS,
    description=(
        "Encerra todas as sessões da pessoa, em até 30 segundos as abertas; a resposta é uma nova. "
        "Senhas atuais erradas contam como tentativas de entrar."
    ),
    body=PasswordBody,
    body_limit="8 KiB",
    answers={200: SessionShown},
    faults=(
        Fault(403, "key_refused", "Uma chave não muda senhas; entre com e-mail e senha."),
        Fault(422, "wrong_password", "A senha atual não confere."),
        Fault(422, "same_password", "A senha nova é igual à atual."),
        Fault(429, "login_throttled", "Tentativas demais; aguarde antes de tentar de novo."),
        *UNAVAILABLE,
    ),
    answer_headers=("Set-Cookie",),
)
@require("viewer")
def change_password(user: User) -> ResponseReturnValue:
    """Whoever knows the password may choose the next one."""
    if current_principal().family_id is None:
        raise Forbidden("Uma chave não muda senhas; entre com e-mail e senha.", code="key_refused")
    body = PasswordBody.model_validate(read_json(_BODY))
    session = sessions.change_password(
        runtime(), user, body.current_password, body.new_password, client_address()
    )
    forget_user(runtime(), session.user)
    return _session_answer(runtime(), session)


@bp.get("/auth/me")
@bp.get("/me", endpoint="me_alias")
@describes("Quem é esta credencial", ACCESS, answers={200: UserShown})
@require("viewer")
def me(user: User) -> ResponseReturnValue:
    """Who the credential stands for."""
    return UserShown(success=True, user=user_answer(user))


@bp.post("/ws/ticket")
@describes(
    "Ticket para abrir um WebSocket",
    ACCESS,
    description="Vale 30 segundos e uma vez: mande-o em `auth` ou em `/ws?ticket=…`.",
    answers={200: TicketShown},
)
@require("viewer")
def ticket(user: User) -> ResponseReturnValue:
    """A ticket that opens one WebSocket within thirty seconds."""
    parts = runtime()
    identity = TicketIdentity(
        user.tenant_id, user.user_id, user.role, user.session_epoch, current_principal().expires_at
    )
    seconds = parts.settings.auth.ticket_seconds
    made = issue_ticket(parts.redis, identity, seconds, environment=parts.settings.environment)
    return TicketShown(success=True, ticket=made, expires_in=seconds)


@bp.get("/keys")
@describes(
    "Lista as chaves de API",
    ACCESS,
    description="As próprias; owner vê as de todo o cliente.",
    answers={200: KeyList},
)
@require("operator")
def list_keys(user: User) -> ResponseReturnValue:
    """One's own keys; owners see those of the tenant."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        keys = api_keys.list_keys(conn, user.tenant_id, user_id=_whose(user))
    return KeyList(success=True, keys=[key_answer(key) for key in keys])


@bp.post("/keys")
@describes(
    "Cria uma chave de API",
    ACCESS,
    description="Age como quem a cria; o segredo só aparece nesta resposta.",
    body=KeyBody,
    body_limit="8 KiB",
    answers={201: KeyCreated},
    faults=(
        Fault(403, "key_refused", "Uma chave não cria outra; entre com e-mail e senha."),
        Fault(
            409,
            "api_key_already_created",
            "Esta chave já foi criada (número 7) e o segredo só aparece na primeira resposta.",
        ),
    ),
    idempotent=True,
    replayed=False,
)
@require("operator")
def create_key(user: User) -> ResponseReturnValue:
    """A key for programs: acts as its user and is shown this once."""
    if current_principal().family_id is None:
        raise Forbidden("Uma chave não cria outra; entre com e-mail e senha.", code="key_refused")
    body = KeyBody.model_validate(read_json(_BODY))
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        response, happened = once(
            conn,
            asked_once(user.tenant_id),
            lambda: _create_key(conn, user, body),
            status=201,
            kept=_without_secret,
        )
    if not happened:
        number = response.get_json()["key"]["id"]
        raise InvalidTransition(
            f"Esta chave já foi criada (número {number}) e o segredo só aparece na primeira "
            "resposta. Se ela se perdeu, revogue a chave e crie outra com outra Idempotency-Key.",
            code="api_key_already_created",
        )
    return response


@bp.delete("/keys/<int:key_id>")
@describes(
    "Revoga uma chave de API",
    ACCESS,
    description="Deixa de valer em toda parte em até 30 segundos.",
    answers={200: Done},
    faults=(Fault(404, "not_found", "Chave não encontrada."),),
)
@require("operator")
def revoke_key(user: User, key_id: int) -> ResponseReturnValue:
    """It stops working everywhere within thirty seconds."""
    with tenant_transaction(runtime().pool, user.tenant_id) as conn:
        if not api_keys.revoke_key(conn, user.tenant_id, key_id, user_id=_whose(user)):
            raise NotFound("Chave não encontrada.")
        actor = current_principal().actor
        subject = f"api_key:{key_id}"
        audit.record(conn, user.tenant_id, actor=actor, action="api_key_revoked", subject=subject)
    forget_key(runtime())
    return Done(success=True)


def client_address() -> str:
    """For limits: the address the configured proxies vouch for; IPv6 by its /64."""
    address = request.remote_addr or ""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _create_key(conn: Connection[Row], user: User, body: KeyBody) -> KeyCreated:
    secret = new_api_key()
    key = api_keys.create_key(
        conn,
        tenant_id=user.tenant_id,
        user_id=user.user_id,
        name=body.name,
        prefix=secret[:10],
        key_hash=token_hash(secret),
    )
    subject = f"api_key:{key.api_key_id}"
    actor = current_principal().actor
    audit.record(conn, user.tenant_id, actor=actor, action="api_key_created", subject=subject)
    made: NewKeyAnswer = {**key_answer(key), "secret": secret}
    return KeyCreated(success=True, key=made)


def _without_secret(answer: dict[str, Any]) -> dict[str, Any]:
    """What may be stored: a secret that can be read again is none."""
    return {**answer, "key": {**answer["key"], "secret": None}}


def _whose(user: User) -> int | None:
    return None if ROLES.index(user.role) >= ROLES.index("owner") else user.user_id


def _refresh_token(parts: Runtime) -> str:
    body = RefreshBody.model_validate(read_optional_json(_BODY))
    if body.refresh_token:
        return body.refresh_token
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthorized("Falta o refresh_token.", code="session_ended")
    check_origin(parts.settings)
    return cookie


def _sign_out_by_access_token(parts: Runtime) -> User | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Falta o refresh_token.", code="session_ended")
    claims = parts.tokens.check(token.strip())
    owner = TokenOwner(claims.tenant_id, claims.user_id, claims.family_id)
    return sessions.end_family(parts, owner)


def _session_answer(parts: Runtime, session: Session) -> Response:
    response = json_response(
        SessionShown(
            success=True,
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            token_type="Bearer",  # noqa: S106  the scheme's name
            expires_in=session.expires_in,
            user=user_answer(session.user),
        )
    )
    response.set_cookie(
        COOKIE,
        session.refresh_token,
        max_age=parts.settings.auth.refresh_days * 86400,
        path="/api/auth",
        httponly=True,
        samesite="Strict",
        secure=parts.settings.base_url.startswith("https://"),
    )
    return response
