"""Codes of failures, doubts, skips and waits, and what they mean to the person reading them."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # final
    "not_on_whatsapp": "O número não está no WhatsApp",
    "payload_refused": "O WhatsApp recusou o conteúdo da mensagem",
    "media_refused": "A imagem não pôde ser usada",
    "external_error": "O fluxo externo informou erro no envio",
    "outcome_unknown": "Não se soube se a mensagem foi enviada",
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
    "refused_by_whatsapp": "O WhatsApp recusou várias mensagens seguidas deste número",
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
    "already_sent": "A pessoa já recebeu esta mensagem por outro caminho",
    "suppressed": "A pessoa pediu para não receber mensagens",
    # waiting
    "no_instance": "Nenhum número remetente conectado",
    "instance_paused": "O número remetente foi pausado",
    "breaker_open": "O número remetente está descansando após vários erros",
    "user_campaign_limit": "Limite de campanhas em andamento atingido",
    "scheduled": "Agendada",
    "paused": "Pausada",
    "many_doubts": "Pausada: há envios demais sem confirmação",
    "restored": "O banco foi restaurado de um backup e a campanha aguarda liberação",
    "open_send": "Há outro envio em aberto para este contato",
    "writing_text": "O texto das próximas mensagens está sendo escrito",
    # the template goes instead of a text written by the model
    "model_not_configured": "O servidor não tem mais um modelo de texto configurado",
    "model_not_allowed": "O modelo de texto desta campanha não é mais aceito",
    "model_timeout": "O modelo de texto não respondeu a tempo",
    "model_unavailable": "O modelo de texto não pôde ser usado",
    "model_busy": "O modelo de texto pediu para esperar",
    "model_refused": "O modelo de texto recusou o pedido",
    "model_unclear": "O modelo de texto deu uma resposta que não se entende",
    "model_cut": "O modelo de texto não terminou a mensagem",
    "budget_spent": "O orçamento de texto da campanha acabou",
    "writing_interrupted": "A escrita do texto foi interrompida mais de uma vez",
    "text_empty": "O modelo de texto não escreveu nada",
    "text_too_long": "O texto do modelo passou do tamanho de uma mensagem",
    "text_control": "O texto do modelo tinha caracteres invisíveis",
    "text_placeholder": "O texto do modelo tinha campos por preencher",
    "text_leaked": "O texto do modelo repetia as instruções internas",
    "text_email": "O texto do modelo tinha um e-mail que a campanha não tem",
    "text_link": "O texto do modelo tinha um link que a campanha não tem",
    "text_phone": "O texto do modelo tinha um telefone que a campanha não tem",
    "text_language": "O texto do modelo não estava em português",
}


def words(code: str | None) -> str:
    """What a code means, in Portuguese; an unknown one is shown as it is."""
    if code is None:
        return ""
    return WORDS.get(code, code)
