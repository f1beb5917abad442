"""What counts as media, and the message it becomes (evolution-api.md section 3, media rules)."""

import binascii
import mimetypes
import re
from urllib.parse import urlsplit

from deploy.sandbox.answers import JsonObject, refuse
from deploy.sandbox.messages import new_key_id

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_URL = re.compile(
    r"^(?:(?:https?|ftp)://)?(?:[^\s@/]+@)?"
    rf"(?:(?:{_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9]|\d{{1,3}}(?:\.\d{{1,3}}){{3}})"
    r"(?::\d{1,5})?(?:[/?#][\x21-\x7e]*)?$",
    re.IGNORECASE | re.ASCII,
)
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"<svg", b"II*\x00", b"MM\x00*")
_DEFAULT_NAMES = {"image": "image.png", "video": "video.mp4", "audio": "audio.mp3"}
_UPLOAD = "https://mmg.whatsapp.net/v/t62.7118-24/sandbox.enc"


def is_url(text: str) -> bool:
    """class-validator isURL: a dotted host name or an IP; no underscore, space or raw non-ASCII."""
    return len(text) < 2083 and _URL.match(text) is not None


def decode(text: str) -> bytes | None:
    """The bytes of plain base64 (no `data:` prefix), else None."""
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else None
    except (binascii.Error, ValueError):
        return None


def check(media: object, kind: str, file_name: str | None) -> None:
    """Refuse what the provider refuses before it downloads anything."""
    if not isinstance(media, str) or not media:
        raise refuse(400, ["Owned media must be a url or base64"])
    if is_url(media):
        return
    content = decode(media)
    if content is None:
        raise refuse(400, ["Owned media must be a url or base64"])
    if kind == "document" and not file_name:
        raise refuse(400, ["For base64 the file name must be informed."])
    check_picture(content, kind)


def check_picture(content: bytes, kind: str) -> None:
    """Images are re-encoded, so they must be images."""
    if kind == "image" and not content.startswith(_PICTURES):
        raise refuse(500, ["Error: Input buffer contains unsupported image format"])


def _name(kind: str, media: str, given: str | None) -> str:
    if given:
        return given
    if kind != "document":
        return _DEFAULT_NAMES[kind]
    last = urlsplit(media).path.rpartition("/")[2]
    if not last.partition(".")[0]:
        raise refuse(500, "Cannot read properties of null (reading '0')")
    return last.partition(".")[0]


def media_message(kind: str, media: str, name: str | None, caption: str | None) -> JsonObject:
    """`{imageMessage: {url, mimetype, caption?, fileName?, mediaKey, …}}`."""
    file_name = _name(kind, media, name)
    content: JsonObject = {
        "url": _UPLOAD,
        "mimetype": mimetypes.guess_type(file_name)[0] or "false",
        "fileSha256": binary(new_key_id("")),
        "mediaKey": binary(new_key_id("")),
    }
    if caption is not None:
        content["caption"] = caption
    if kind == "document":
        content["fileName"] = file_name
    return {f"{kind}Message": content}


def binary(text: str) -> JsonObject:
    """Binary fields travel as objects with numeric keys."""
    return {str(at): byte for at, byte in enumerate(text.encode())}
