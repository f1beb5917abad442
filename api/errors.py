"""Every error of a request becomes one answer, here.

`{success:false, error:{code, message, request_id, fields?}}`, or RFC 9457 where the client asks for
`application/problem+json`. Codes are English, messages Portuguese: marketers read them.
"""

from typing import Any, Final

import psycopg
from flask import Flask, Response, g, request
from pydantic import ValidationError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from api.fields import field_problems, refusal
from api.json import json_response
from shared.errors import (
    FieldProblem,
    ProviderError,
    Rejected,
    RequestError,
    TemporarilyUnavailable,
)
from shared.observability.logging import get_logger

log = get_logger(__name__)

_HTTP: Final[dict[int, tuple[str, str]]] = {
    400: ("bad_request", "O pedido não pôde ser lido."),
    401: ("unauthorized", "É preciso entrar."),
    403: ("forbidden", "Sem permissão."),
    404: ("not_found", "Este endereço não existe."),
    405: ("method_not_allowed", "Este método não é aceito neste endereço."),
    413: ("payload_too_large", "O corpo do pedido é grande demais."),
    414: ("uri_too_long", "O endereço é longo demais."),
    415: ("unsupported_media_type", "O corpo precisa ser JSON (Content-Type: application/json)."),
    429: ("rate_limited", "Pedidos demais; aguarde um pouco."),
}
#: Sentences raised below the edge, in the language of those who read answers.
_SAID: Final = {
    "database_unavailable": "O banco de dados está ocupado ou fora do ar; tente de novo.",
}
_SENTENCE_500: Final = "Algo falhou do nosso lado. Informe o request_id ao suporte."


def register_errors(app: Flask) -> None:
    """Answer every exception of `app`."""
    app.register_error_handler(RequestError, answer_request_error)
    app.register_error_handler(ValidationError, _invalid_body)
    app.register_error_handler(ProviderError, _provider)
    app.register_error_handler(RedisError, _redis)
    app.register_error_handler(psycopg.errors.QueryCanceled, _database_slow)
    app.register_error_handler(psycopg.errors.LockNotAvailable, _database_slow)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, _unexpected)


def answer_request_error(error: RequestError) -> Response:
    """An error of ours, as it is."""
    message = _SAID.get(error.code, error.message)
    response = _answer(error.status, error.code, message, error.fields)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="rapidflow"'
    return response


def _invalid_body(error: ValidationError) -> Response:
    return answer_request_error(refusal(field_problems(error)))


def _provider(error: ProviderError) -> Response:
    log.warning("provider_error", code=error.code, http_status=error.http_status)
    if isinstance(error, Rejected):
        return _answer(422, f"provider_{error.code}", f"O Evolution recusou: {error.detail}")
    return answer_request_error(
        TemporarilyUnavailable(
            "O serviço do WhatsApp (Evolution) não respondeu como esperado; tente de novo.",
            code=f"provider_{error.code}",
            retry_after_seconds=5,
        )
    )


def _redis(error: RedisError) -> Response:
    log.warning("redis_away", error=repr(error))
    return answer_request_error(
        TemporarilyUnavailable(
            "Um serviço interno está fora do ar; tente de novo em instantes.",
            code="broker_unavailable",
            retry_after_seconds=3,
        )
    )


def _database_slow(error: psycopg.Error) -> Response:
    log.warning("database_slow", error=type(error).__name__)
    return answer_request_error(
        TemporarilyUnavailable("", code="database_unavailable", retry_after_seconds=2)
    )


def answer_http_error(error: HTTPException) -> Response:
    """An error of the framework, in our words."""
    status = error.code or 500
    if status < 400:  # a redirect is an answer already
        return Response(error.get_response().get_data(), status, dict(error.get_headers()))
    code, message = _HTTP.get(status, ("http_error", error.name))
    response = _answer(status, code, message)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unexpected(error: Exception) -> Response:
    log.error("request_failed", path=request.path, method=request.method, exc_info=error)
    return _answer(500, "internal_error", _SENTENCE_500)


def _answer(
    status: int, code: str, message: str, fields: tuple[FieldProblem, ...] = ()
) -> Response:
    request_id = str(g.get("request_id", ""))
    error: dict[str, Any] = {"code": code, "message": message, "request_id": request_id}
    if fields:
        error["fields"] = [
            {"path": field.path, "message": field.message, "code": field.code} for field in fields
        ]
    if "application/problem+json" in request.headers.get("Accept", ""):
        problem = {"type": "about:blank", "title": message, "status": status, **error}
        return json_response(problem, status, content_type="application/problem+json")
    return json_response({"success": False, "error": error}, status)
