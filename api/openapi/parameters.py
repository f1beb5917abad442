"""Path parameters and headers, explained once for every route that has them."""

from typing import Any, Final

#: Name in the route to its OpenAPI description.
PATH_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "reference": {
        "description": "Número da campanha ou código `CAMP-…`; a de outro cliente responde 404.",
        "schema": {"type": "string", "minLength": 1},
        "example": "CAMP-7K2Q9M4XWD8RTB5VNC3HJF6PZE",
    },
    "name": {
        "description": "Nome da instância, como no Evolution.",
        "schema": {"type": "string", "minLength": 1},
        "example": "vendas",
    },
    "public_id": {
        "description": "Código público da instância, gerado pelo RapidFlow.",
        "schema": {"type": "string", "minLength": 1},
        "example": "1-Zk3vQ0",
    },
    "key_id": {
        "description": "Número da chave, como na lista.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 7,
    },
    "user_id": {
        "description": "Número da pessoa, como na lista.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 3,
    },
    "suppression_id": {
        "description": "Número do descadastro, como na lista.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 12,
    },
}

IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Mesma chave e mesmo corpo: a resposta guardada, com `Idempotent-Replayed: true`; o efeito "
        "acontece uma vez só. Outro corpo: 422. Primeiro pedido ainda em andamento: 409 com "
        "`Retry-After`. Vale 24 horas, por cliente e rota. Respostas de erro não são guardadas."
    ),
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$",
    },
    "example": "pedido-2026-01-14-001",
}

REQUEST_ID: Final[dict[str, Any]] = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": (
        "Seu código para o pedido, que volta na resposta e fica nos registros: até 64 letras, "
        "algarismos e hifens. Qualquer outro é trocado por um nosso."
    ),
    "schema": {"type": "string"},
    "example": "pedido-42",
}

HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {
        "description": "Código do pedido; informe-o ao suporte.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
    },
    "RateLimit-Limit": {
        "description": "Pedidos por minuto que o plano permite a este usuário.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit-Remaining": {
        "description": "Quantos ainda cabem neste minuto, depois deste.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Reset": {
        "description": "Segundos até caber mais um pedido.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Retry-After": {
        "description": "Segundos a esperar antes de repetir.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Idempotent-Replayed": {
        "description": "`true`: é a resposta guardada da primeira vez.",
        "schema": {"type": "string", "const": "true"},
    },
    "Content-Disposition": {
        "description": "Nome do arquivo, para guardar.",
        "schema": {"type": "string"},
    },
    "Set-Cookie": {
        "description": "`rapidflow_refresh`, HttpOnly e SameSite=Strict, só para `/api/auth`.",
        "schema": {"type": "string"},
    },
}

SECURITY_SCHEMES: Final[dict[str, dict[str, Any]]] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`access_token` de `POST /api/auth/login`; vale 15 minutos.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "Chave `rf_…` de `POST /api/keys` ou de `rapidflow token create`.",
    },
    "refreshCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "rapidflow_refresh",
        "description": "O cookie do console; só aceito com um `Origin` conhecido.",
    },
    "instanceWebhook": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Assinado pelo Evolution com o segredo da própria instância.",
    },
    "metricsToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "`RAPIDFLOW_METRICS_TOKEN`; sem ele, só a partir da própria máquina.",
    },
    "callbackToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Callback-Token",
        "description": (
            "Token de retorno de uma campanha externa, dado na criação. Também vale uma assinatura "
            "Standard Webhooks feita com ele (`webhook-id`, `webhook-timestamp`, "
            "`webhook-signature`)."
        ),
    },
}
