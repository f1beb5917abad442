"""`/instance/…` and `GET /` (evolution-api.md section 2)."""

import uuid

from aiohttp import web

from deploy.sandbox.answers import JsonObject, answer, refuse, undefined
from deploy.sandbox.calls import Call, Handler
from deploy.sandbox.instances import BAILEYS, BUSINESS, INTEGRATIONS, Instance, Webhook
from deploy.sandbox.schemas import SETTINGS

VERSION = "2.3.7"


async def welcome(_call: Call) -> web.Response:
    """No auth."""
    return answer(
        200,
        {
            "status": 200,
            "message": "Welcome to the Evolution API, it is working!",
            "version": VERSION,
            "clientName": "rapidflow-sandbox",
            "documentation": "https://doc.evolution-api.com",
            "whatsappWebVersion": "2.3000.1029430285",
        },
    )


async def create(call: Call) -> web.Response:
    """201; any failure is 400 and keeps the name busy for a moment."""
    body, world = call.body, call.world
    name = body.get("instanceName", "undefined")
    problem = _create_problem(body)
    if problem is not None:
        world.instances.begin_removal(name, world.tuning.create_window_ms)
        raise refuse(400, [problem])
    instance = _new_instance(name, body)
    world.instances.add(instance)
    world.webhooks.emit(
        instance, "INSTANCE_CREATE", {"instanceName": name, "instanceId": instance.id}
    )
    qrcode = None
    if instance.integration != BAILEYS:
        world.connections.mark_open(instance)
    elif body.get("qrcode"):
        qrcode = world.connections.begin(instance, scan=True)
    world.save()
    return answer(201, _created(instance, qrcode))


def _create_problem(body: JsonObject) -> str | None:
    if body.get("integration") not in INTEGRATIONS:
        return "Invalid integration"
    if body["integration"] == BUSINESS:
        for field in ("token", "number"):
            if not body.get(field):
                return f"{field} is required"
    webhook = body.get("webhook")
    if webhook is not None and "events" not in webhook:
        return undefined("length")
    return None


def _new_instance(name: str, body: JsonObject) -> Instance:
    instance = Instance(
        name=name,
        integration=body["integration"],
        token=body.get("token") or str(uuid.uuid4()).upper(),
        number=body.get("number"),
        business_id=body.get("businessId"),
        webhook=Webhook.of({**body["webhook"], "enabled": True}) if body.get("webhook") else None,
    )
    known = (*SETTINGS, "msgCall", "wavoipToken")
    instance.settings.update({key: body[key] for key in known if key in body})
    return instance


def _created(instance: Instance, qrcode: JsonObject | None) -> JsonObject:
    official = instance.integration == BUSINESS
    hook = instance.webhook
    body: JsonObject = {
        "instance": {
            "instanceName": instance.name,
            "instanceId": instance.id,
            "integration": instance.integration,
            "webhookWaBusiness": "http://localhost:8080/webhook/meta" if official else None,
            "accessTokenWaBusiness": "evolution" if official else "",
            "status": instance.status,
        },
        "hash": instance.token,
        "webhook": {
            "webhookUrl": hook.url,
            "webhookHeaders": hook.headers,
            "webhookByEvents": hook.by_events,
            "webhookBase64": hook.base64,
        }
        if hook
        else {},
        "websocket": {},
        "rabbitmq": {},
        "nats": {},
        "sqs": {},
        "settings": instance.settings,
    }
    if qrcode is not None:
        body["qrcode"] = qrcode
    return body


async def connect(call: Call) -> web.Response:
    """The QR (or with `number` a pairing code); once open the state."""
    instance = call.instance
    if instance.status == "open":
        return answer(200, instance.state_body())
    qrcode = call.world.connections.begin(instance, scan=True)
    if call.request.query.get("number"):
        qrcode["pairingCode"] = instance.id[:8].upper()
    return answer(200, qrcode)


async def connection_state(call: Call) -> web.Response:
    """The in-memory view."""
    return answer(200, call.instance.state_body())


async def fetch_instances(call: Call) -> web.Response:
    """All rows with the global key; with an instance key those holding it."""
    query, world = call.request.query, call.world
    rows = list(world.instances.by_name.values())
    if not call.is_global:
        rows = [row for row in rows if row.token == call.request.headers.get("apikey")]
    name = query.get("instanceName")
    if name is not None and all(row.name != name for row in rows):
        raise refuse(404, [f'Instance "{name}" not found'])
    wanted = [
        row
        for row in rows
        if name in (None, row.name)
        and query.get("instanceId") in (None, row.id)
        and query.get("number") in (None, row.number)
    ]
    return answer(200, [row.row(_count(call, row)) for row in wanted])


def _count(call: Call, row: Instance) -> int:
    load = call.world.stats.instances.get(row.name)
    return load.sent if load else 0


async def restart(call: Call) -> web.Response:
    """Ends and reopens the socket; a closed instance answers 200 with an error."""
    instance = call.instance
    if instance.status == "close":
        return answer(200, {"error": True, "message": "[object Object]"})
    if instance.status == "connecting":
        return answer(200, call.world.connections.begin(instance, scan=True))
    before = instance.state_body()
    if instance.integration == BAILEYS:
        call.world.connections.begin(instance, scan=False)
    return answer(200, before)


async def logout(call: Call) -> web.Response:
    """Unlinks the number."""
    instance = call.instance
    if instance.status == "close":
        raise refuse(400, [f'The "{instance.name}" instance is not connected'])
    if instance.integration == BAILEYS:
        call.world.connections.close(instance, 401)
    return _success("Instance logged out")


async def delete(call: Call) -> web.Response:
    """Deletes the instance and its messages."""
    instance, world = call.instance, call.world
    ids = {"instanceName": instance.name, "instanceId": instance.id}
    world.webhooks.emit(instance, "INSTANCE_DELETE", ids)
    world.webhooks.emit(instance, "REMOVE_INSTANCE", None)
    instance.epoch += 1
    world.instances.remove(instance.name)
    world.messages.forget(instance.name)
    world.save()
    return _success("Instance deleted")


def _success(message: str) -> web.Response:
    return answer(200, {"status": "SUCCESS", "error": False, "response": {"message": message}})


async def set_presence(call: Call) -> web.Response:
    """201 `{presence}`."""
    return answer(201, {"presence": call.body["presence"]})


HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "connect"): connect,
    ("GET", "connectionState"): connection_state,
    ("POST", "restart"): restart,
    ("DELETE", "logout"): logout,
    ("DELETE", "delete"): delete,
    ("POST", "setPresence"): set_presence,
}
