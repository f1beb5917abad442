"""Codes of failures, doubts, skips and waits, and what they mean to the person reading them."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # final
    "not_on_whatsapp": "O número não está no WhatsApp",
    "payload_refused": "O WhatsApp recusou o conteúdo da mensagem",
    "media_refused": "A imagem não pôde ser usada",
    "external_error": "O fluxo externo informou erro no envio",
    "unreachable": "Não foi possível falar com o serviço de envio, mesmo após várias tentativas",
    # retried
    "connect_failed": "O serviço de envio não respondeu à conexão",
    "not_begun_in_time": "O envio demorou a começar e foi adiado",
    "media_download_failed": "A imagem não pôde ser baixada",
    # the instance rests
    "instance_offline": "O número remetente está desconectado",
    "instance_missing": "O número remetente não existe mais no serviço de envio",
    "unauthorized": "O serviço de envio recusou nossas credenciais",
    "wrong_address": "O endereço do serviço de envio está errado",
    "license_required": "O serviço de envio está sem licença ativa",
    "provider_busy": "O serviço de envio pediu para esperar",
    "rate_overlimit": "O WhatsApp pediu para enviar mais devagar",
    "number_check_failed": "A verificação do número falhou",
    # in doubt
    "timeout": "O serviço de envio não respondeu a tempo",
    "connection_lost": "A conexão caiu durante o envio",
    "connection_closed": "O WhatsApp fechou a conexão durante o envio",
    "unclear_answer": "O serviço de envio deu uma resposta que não prova o envio",
    "no_key": "O serviço de envio aceitou sem informar o código da mensagem",
    "lease_lapsed": "O processo que enviava parou no meio do envio",
    "not_reported": "O fluxo externo terminou sem dizer o que houve com este contato",
    # skipped
    "empty_name": "Contato sem nome",
    "invalid_phone": "Telefone inválido",
    "duplicate": "Telefone repetido na lista",
    "suppressed": "A pessoa pediu para não receber mensagens",
    # waiting
    "no_instance": "Nenhum número remetente conectado",
    "breaker_open": "O número remetente está descansando após vários erros",
    "user_campaign_limit": "Limite de campanhas em andamento atingido",
    "scheduled": "Agendada",
    "paused": "Pausada",
    "open_send": "Há outro envio em aberto para este contato",
}


def words(code: str | None) -> str:
    """What a code means, in Portuguese; an unknown one is shown as it is."""
    if code is None:
        return ""
    return WORDS.get(code, code)
