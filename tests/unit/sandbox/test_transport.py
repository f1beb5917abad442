"""Section 1: who may ask, and the shapes of a refusal."""

from typing import Any

import pytest

from tests.unit.sandbox.harness import PHONE, Lab, run


def normal(status: int, reason: str, message: Any) -> dict[str, Any]:
    return {"status": status, "error": reason, "response": {"message": message}}


UNAUTHORIZED = normal(401, "Unauthorized", "Unauthorized")


def test_guards_ask_for_the_instance_before_the_key() -> None:
    async def body(lab: Lab) -> None:
        missing = normal(404, "Not Found", ['The "x" instance does not exist'])
        for key in (None, "wrong"):
            assert await lab.call("GET", "/instance/connectionState/x", key=key) == (404, missing)
        created = await lab.create()
        path = "/instance/connectionState/vendas"
        assert await lab.call("GET", path, key=None) == (401, UNAUTHORIZED)
        assert await lab.call("GET", path, key="wrong") == (401, UNAUTHORIZED)
        assert (await lab.call("GET", path, key=created["hash"]))[0] == 200
        taken = normal(403, "Forbidden", ['This name "vendas" is already in use.'])
        again = {"instanceName": "vendas", "integration": "WHATSAPP-BAILEYS"}
        assert await lab.call("POST", "/instance/create", again, key=None) == (403, taken)
        fresh = {**again, "instanceName": "outra"}
        answer = await lab.call("POST", "/instance/create", fresh, key=created["hash"])
        assert answer == (401, UNAUTHORIZED)

    run(body)


def test_unknown_routes_and_methods() -> None:
    async def body(lab: Lab) -> None:
        await lab.create()
        for method, path in (("GET", "/message/sendText/vendas"), ("POST", "/x"), ("POST", "/")):
            expected = normal(404, "Not Found", [f"Cannot {method} {path}"])
            assert await lab.call(method, path) == (404, expected)
        assert (await lab.call("GET", "/", key=None))[1]["version"] == "2.3.7"

    run(body)


@pytest.mark.parametrize("raw", [b'{"number": ', b'"text"', b"nope"])
def test_malformed_json(raw: bytes) -> None:
    async def body(lab: Lab) -> None:
        status, answer = await lab.call("POST", "/message/sendText/vendas", raw=raw)
        assert (status, answer["status"], answer["error"]) == (400, 400, "Internal Server Error")
        assert isinstance(answer["response"]["message"], str)

    run(body)


MISSING = 'instance requires property "{}"'


@pytest.mark.parametrize(
    ("route", "sent", "texts"),
    [
        ("sendText", {"number": PHONE}, [MISSING.format("text")]),
        ("sendText", {"text": "Oi"}, [MISSING.format("number")]),
        ("sendText", {"number": 55, "text": "Oi"}, ["Invalid format"]),
        (
            "sendText",
            {"number": PHONE, "text": "Oi", "delay": "9"},
            ["Enter a value in milliseconds"],
        ),
        (
            "sendText",
            {"number": PHONE, "text": "Oi", "mentioned": ["x"]},
            ['"mentioned" must be an array of numeric strings'],
        ),
        (
            "sendMedia",
            {"number": PHONE, "mediatype": "gif", "media": "x"},
            ["mediatype is not one of enum values: image,document,video,audio"],
        ),
        (
            "sendPoll",
            {"number": PHONE, "name": "?", "selectableCount": 1, "values": ["a"]},
            ["values does not meet minimum length of 2"],
        ),
        ("sendReaction", {"reaction": "x", "key": {"id": "1"}}, None),
        ("sendText", {"number": PHONE, "textMessage": {"text": "v1"}}, [MISSING.format("text")]),
    ],
)
def test_schema_violations_are_an_array_in_an_array(
    route: str, sent: dict[str, Any], texts: list[str] | None
) -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        status, answer = await lab.call("POST", f"/message/{route}/vendas", sent)
        found = answer["response"]["message"]
        assert (status, answer["error"]) == (400, "Bad Request")
        expected = texts or ['key requires property "remoteJid"', 'key requires property "fromMe"']
        assert found == [expected]
        assert await lab.ledger() == []

    run(body)


@pytest.mark.parametrize(
    ("media", "more", "status", "text"),
    [
        ("http://minio:9000/a.png", {}, 400, "Owned media must be a url or base64"),
        ("http://localhost/a.png", {}, 400, "Owned media must be a url or base64"),
        ("http://my_host.com/a.png", {}, 400, "Owned media must be a url or base64"),
        ("https://exemplo.com/a b.png", {}, 400, "Owned media must be a url or base64"),
        ("data:image/png;base64,aGk=", {}, 400, "Owned media must be a url or base64"),
        ("aGk=", {}, 500, "Error: Input buffer contains unsupported image format"),
        (
            "aGk=",
            {"mediatype": "document"},
            400,
            "For base64 the file name must be informed.",
        ),
        ("https://exemplo.com/a%20b.png", {}, 201, ""),
        ("http://10.0.0.7:9000/a.png", {}, 201, ""),
        ("aGk=", {"mediatype": "document", "fileName": "a.pdf"}, 201, ""),
    ],
)
def test_media_rules(media: str, more: dict[str, Any], status: int, text: str) -> None:
    async def body(lab: Lab) -> None:
        await lab.open()
        sent = {"number": PHONE, "mediatype": "image", "media": media, "caption": "Oi", **more}
        found, answer = await lab.call("POST", "/message/sendMedia/vendas", sent)
        assert found == status
        if status != 201:
            assert answer["response"]["message"] == [text]
        else:
            assert answer["messageType"] == f"{sent['mediatype']}Message"
            assert (await lab.ledger())[0]["text"] == "Oi"

    run(body)


def test_control_needs_the_key_but_the_page_opens_on_loopback() -> None:
    async def body(lab: Lab) -> None:
        for path in ("/sandbox/ledger", "/sandbox/stats", "/sandbox/faults"):
            assert (await lab.call("GET", path, key=None))[0] == 401
            assert (await lab.call("GET", f"{path}?apikey=global-key", key=None))[0] == 200
        status, html = await lab.call("GET", "/sandbox", key=None)
        assert status == 200
        assert "Simulador do WhatsApp" in html
        assert "http://" not in html
        assert (await lab.call("GET", "/sandbox/overview", key=None))[0] == 200
        headers = {"Host": "evil.example"}
        async with lab.http.get(f"{lab.url}/sandbox/overview", headers=headers) as answer:
            assert answer.status == 401

    run(body)
