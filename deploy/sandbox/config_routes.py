"""`/webhook/…` and `/settings/…` (evolution-api.md sections 2 and 7)."""

from aiohttp import web

from deploy.sandbox.answers import answer, refuse, undefined
from deploy.sandbox.calls import Call, Handler
from deploy.sandbox.instances import Webhook
from deploy.sandbox.schemas import SETTINGS


async def set_webhook(call: Call) -> web.Response:
    """201 with the stored row; `events` must be there when enabled."""
    wanted, instance = call.body["webhook"], call.instance
    if wanted["enabled"] and "events" not in wanted:
        raise refuse(500, undefined("length"))
    webhook = Webhook.of(wanted)
    if instance.webhook is not None:
        webhook.id, webhook.created_at = instance.webhook.id, instance.webhook.created_at
    instance.webhook = webhook
    call.world.save()
    return answer(201, webhook.row(instance.id))


async def find_webhook(call: Call) -> web.Response:
    """200 with the stored row or null."""
    webhook = call.instance.webhook
    return answer(200, webhook.row(call.instance.id) if webhook else None)


async def set_settings(call: Call) -> web.Response:
    """201 with the settings."""
    known = (*SETTINGS, "msgCall", "wavoipToken")
    call.instance.settings.update({key: call.body[key] for key in known if key in call.body})
    call.world.save()
    return answer(201, call.instance.settings)


async def find_settings(call: Call) -> web.Response:
    """200 with the settings."""
    return answer(200, call.instance.settings)


HANDLERS: dict[tuple[str, str, str], Handler] = {
    ("POST", "webhook", "set"): set_webhook,
    ("GET", "webhook", "find"): find_webhook,
    ("POST", "settings", "set"): set_settings,
    ("GET", "settings", "find"): find_settings,
}
