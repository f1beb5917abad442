"""The request schemas, one per route (evolution-api.md section 10)."""

from deploy.sandbox.validators import Check, array, boolean, integer, number, obj, string

PRESENCES = ("unavailable", "available", "composing", "recording", "paused")
EVENTS = (
    "APPLICATION_STARTUP",
    "QRCODE_UPDATED",
    "MESSAGES_SET",
    "MESSAGES_UPSERT",
    "MESSAGES_EDITED",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "SEND_MESSAGE_UPDATE",
    "CONTACTS_SET",
    "CONTACTS_UPSERT",
    "CONTACTS_UPDATE",
    "PRESENCE_UPDATE",
    "CHATS_SET",
    "CHATS_UPSERT",
    "CHATS_UPDATE",
    "CHATS_DELETE",
    "GROUPS_UPSERT",
    "GROUP_UPDATE",
    "GROUP_PARTICIPANTS_UPDATE",
    "CONNECTION_UPDATE",
    "LABELS_EDIT",
    "LABELS_ASSOCIATION",
    "CALL",
    "TYPEBOT_START",
    "TYPEBOT_CHANGE_STATUS",
    "REMOVE_INSTANCE",
    "LOGOUT_INSTANCE",
    "INSTANCE_CREATE",
    "INSTANCE_DELETE",
    "STATUS_INSTANCE",
)
STATUSES = ("ERROR", "PENDING", "SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED")
SETTINGS = (
    "rejectCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
)

_S = string()
_B = boolean()
_FILLED = string(min_length=1, description="The property cannot be empty")
_NUMBER = string(description="Invalid format")
_MENTIONED = '"mentioned" must be an array of numeric strings'
_COMMON: dict[str, Check] = {
    "delay": integer(description="Enter a value in milliseconds"),
    "quoted": obj(
        {"key": obj({"id": _FILLED, "remoteJid": _S, "fromMe": _B}, ["id"]), "message": obj({})}
    ),
    "everyOne": _B,
    "mentioned": array(
        string(pattern=r"^\d+", description=_MENTIONED),
        min_items=1,
        unique=True,
        description=_MENTIONED,
    ),
}


def _to_number(fields: dict[str, Check], *required: str) -> Check:
    return obj({"number": _NUMBER, **fields, **_COMMON}, ["number", *required])


def _key(*required: str) -> Check:
    return obj({"id": _S, "remoteJid": _S, "fromMe": _B}, required)


_CONTACT = obj(
    {
        "fullName": string(min_length=1),
        "phoneNumber": string(min_length=10),
        "wuid": string(min_length=10, pattern=r"\d+"),
        "organization": _S,
        "email": _S,
        "url": _S,
    },
    ["fullName", "phoneNumber"],
)
_ROW = obj({"title": _S, "rowId": _S, "description": _S}, ["title", "rowId"])
_SECTION = obj(
    {"title": _S, "rows": array(_ROW, min_items=1, unique=True)},
    ["title", "rows"],
)
_BUTTON = obj(
    {
        "type": string(enum=("reply", "copy", "url", "call", "pix")),
        **dict.fromkeys(("displayText", "id", "url", "phoneNumber", "currency", "name", "key"), _S),
        "keyType": string(enum=("phone", "email", "cpf", "cnpj", "random")),
    },
    ["type"],
)
_WEBHOOK = {
    "enabled": _B,
    "url": _S,
    "headers": obj({}),
    "byEvents": _B,
    "base64": _B,
    "events": array(string(enum=EVENTS)),
}
_INSTANCE = {
    **dict.fromkeys(("instanceName", "token", "businessId", "msgCall", "wavoipToken"), _S),
    **dict.fromkeys(("proxyHost", "proxyPort", "proxyProtocol"), _S),
    **dict.fromkeys(("proxyUsername", "proxyPassword"), _S),
    **dict.fromkeys(("qrcode", *SETTINGS), _B),
    "number": string(pattern=r"^\d+[\.@\w-]+"),
    "webhook": obj({name: check for name, check in _WEBHOOK.items() if name != "enabled"}),
}

SCHEMAS: dict[str, Check] = {
    "instance/create": obj(_INSTANCE),
    "instance/setPresence": obj({"presence": string(enum=PRESENCES)}, ["presence"]),
    "settings/set": obj(
        {**dict.fromkeys(SETTINGS, _B), "msgCall": _S, "wavoipToken": _S}, SETTINGS
    ),
    "webhook/set": obj({"webhook": obj(_WEBHOOK, ["enabled", "url"])}, ["webhook"]),
    "message/sendText": _to_number({"text": _S, "linkPreview": _B}, "text"),
    "message/sendMedia": _to_number(
        {
            "mediatype": string(enum=("image", "document", "video", "audio")),
            **dict.fromkeys(("mimetype", "media", "fileName", "caption"), _S),
        },
        "mediatype",
    ),
    "message/sendWhatsAppAudio": _to_number({"audio": _S}),
    "message/sendPtv": _to_number({"video": _S}),
    "message/sendSticker": _to_number({"sticker": _S}),
    "message/sendLocation": _to_number(
        {"latitude": number(), "longitude": number(), "name": _S, "address": _S},
        *("latitude", "longitude", "name", "address"),
    ),
    "message/sendContact": obj(
        {"number": _NUMBER, "contact": array(_CONTACT, min_items=1, unique=True)},
        ["number", "contact"],
    ),
    "message/sendReaction": obj(
        {"key": _key("id", "remoteJid", "fromMe"), "reaction": _S}, ["key", "reaction"]
    ),
    "message/sendPoll": _to_number(
        {
            "name": _S,
            "selectableCount": integer(minimum=0, maximum=10),
            "values": array(_S, min_items=2, max_items=10, unique=True),
        },
        *("name", "selectableCount", "values"),
    ),
    "message/sendList": _to_number(
        {
            **dict.fromkeys(("title", "description", "footerText", "buttonText"), _S),
            "sections": array(_SECTION, min_items=1, unique=True),
        },
        *("title", "footerText", "buttonText", "sections"),
    ),
    "message/sendButtons": _to_number(
        {
            **dict.fromkeys(("thumbnailUrl", "title", "description", "footer"), _S),
            "buttons": array(_BUTTON),
        }
    ),
    "message/sendTemplate": obj(
        {
            "number": _NUMBER,
            "name": _S,
            "language": _S,
            "components": array(),
            "webhookUrl": _S,
        },
        ["name", "language"],
    ),
    "message/sendStatus": obj(
        {
            "type": string(enum=("text", "image", "audio", "video")),
            **dict.fromkeys(("content", "caption", "backgroundColor"), _S),
            "font": integer(minimum=0, maximum=5),
            "statusJidList": array(string(pattern=r"^\d+"), min_items=1, unique=True),
            "allContacts": _B,
        },
        ["type"],
    ),
    "chat/whatsappNumbers": obj({"numbers": array(_S, min_items=1, unique=True)}),
    "chat/markMessageAsRead": obj(
        {"readMessages": array(_key("id", "fromMe", "remoteJid"), min_items=1, unique=True)},
        ["readMessages"],
    ),
    "chat/sendPresence": obj(
        {"number": _S, "presence": string(enum=PRESENCES), "delay": number()},
        ["number", "presence", "delay"],
    ),
    "chat/findMessages": obj(
        {
            "where": obj(
                {
                    "_id": _S,
                    "key": obj({"id": _FILLED, "remoteJid": _FILLED, "fromMe": _B}),
                    "message": obj({}),
                }
            ),
            "limit": integer(),
        }
    ),
    "chat/findStatusMessage": obj(
        {
            "where": obj(
                {
                    **dict.fromkeys(("_id", "remoteJid", "id", "participant"), _S),
                    "fromMe": _B,
                    "status": string(enum=STATUSES),
                }
            ),
            "limit": integer(),
        }
    ),
}
