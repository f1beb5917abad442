"""Refusals by status and code, as `/openapi.json` and `/docs` list them. Sentences are examples."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One way a request is refused; `message` is what the answer says, or one like it."""

    status: int
    code: str
    message: str


UNAUTHORIZED: Final = (
    Fault(401, "unauthorized", "É preciso entrar."),
    Fault(401, "session_ended", "A sessão terminou; entre de novo."),
    Fault(401, "invalid_api_key", "Chave de API inválida."),
)
FORBIDDEN: Final = Fault(403, "forbidden", "Seu papel não permite esta ação.")
RATE_LIMITED: Final = Fault(429, "rate_limited", "Limite de 60 pedidos por minuto atingido.")
NO_ADDRESS: Final = Fault(404, "not_found", "Este endereço não existe.")
LONG_ADDRESS: Final = Fault(414, "uri_too_long", "O endereço é longo demais.")
INTERNAL: Final = Fault(
    500, "internal_error", "Algo falhou do nosso lado. Informe o request_id ao suporte."
)
UNAVAILABLE: Final = (
    Fault(
        503,
        "database_unavailable",
        "O banco de dados está ocupado ou fora do ar; tente de novo.",
    ),
    Fault(
        503,
        "broker_unavailable",
        "Um serviço interno está fora do ar; tente de novo em instantes.",
    ),
    Fault(503, "overloaded", "Há pedidos demais neste momento; tente de novo em instantes."),
)
BODY: Final = (
    Fault(400, "malformed_json", "O corpo não é JSON válido (linha 1, coluna 2)."),
    Fault(413, "payload_too_large", "O corpo passa do limite de 64 KiB."),
    Fault(
        415,
        "unsupported_media_type",
        "O corpo precisa ser JSON (Content-Type: application/json).",
    ),
)
INVALID: Final = Fault(422, "invalid_request", "Dados inválidos (name: campo obrigatório).")
IDEMPOTENCY: Final = (
    Fault(
        400,
        "bad_idempotency_key",
        "Idempotency-Key precisa ter de 1 a 255 caracteres ASCII.",
    ),
    Fault(
        409,
        "idempotency_in_progress",
        "Um pedido com esta Idempotency-Key ainda está em andamento.",
    ),
    Fault(
        422,
        "idempotency_key_reused",
        "Esta Idempotency-Key já foi usada com outro conteúdo.",
    ),
)
CAMPAIGN_NOT_FOUND: Final = Fault(404, "campaign_not_found", "Campanha não encontrada.")
PROVIDER: Final = (
    Fault(422, "provider_refused", "O Evolution recusou: nome inválido."),
    Fault(
        503,
        "provider_connect_failed",
        "O serviço do WhatsApp (Evolution) não respondeu como esperado; tente de novo.",
    ),
)
