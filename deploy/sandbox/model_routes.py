"""`/v1/chat/completions` and `/v1/models` in OpenAI's shapes; the key is the sandbox's own."""

import asyncio
import secrets
import time

import orjson
from aiohttp import web

from deploy.sandbox.answers import JsonObject, RefusalError, answer
from deploy.sandbox.calls import Call, hang
from deploy.sandbox.model import MODELS, write

PREFIX = "v1"

_FINISH = {"cut": "length", "filtered": "content_filter"}


def _refuse(status: int, message: str, kind: str, code: str | None = None) -> RefusalError:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return RefusalError(status, {"error": error})


async def handle(call: Call, raw: bytes) -> web.Response:
    """Answer one request under /v1."""
    asked = (call.request.method, *call.path)
    call.world.stats.requests["/".join((PREFIX, *call.path))] += 1
    _guard(call)
    if asked == ("GET", "models"):
        models = [{"id": name, "object": "model", "owned_by": "sandbox"} for name in MODELS]
        return answer(200, {"object": "list", "data": models})
    if asked == ("POST", "chat", "completions"):
        return await _complete(call, _read(raw))
    path = call.request.rel_url.raw_path
    raise _refuse(404, f"Invalid URL ({asked[0]} {path})", "invalid_request_error")


def _guard(call: Call) -> None:
    scheme, _, key = call.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or key != call.world.config.api_key:
        raise _refuse(
            401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"
        )


def _read(raw: bytes) -> JsonObject:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _refuse(
            400, "We could not parse the JSON body of your request.", "invalid_request_error"
        ) from error
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages:
        raise _refuse(400, "Missing required parameter: 'messages'.", "invalid_request_error")
    if body.get("model") not in MODELS:
        raise _refuse(
            404,
            f"The model `{body.get('model')}` does not exist or you do not have access to it.",
            "invalid_request_error",
            "model_not_found",
        )
    return dict(body)


async def _complete(call: Call, body: JsonObject) -> web.Response:
    model = call.world.model
    failure = model.next_failure(body)
    await asyncio.sleep(model.latency_ms / 1000)
    if failure == "hang":
        await hang(call)
        if call.request.transport is not None:
            call.request.transport.abort()
    _fail(failure)
    if failure == "garbage":
        return web.Response(body=b'{"id": "chatcmpl-1", "choi', content_type="application/json")
    text = write(body, failure)
    message: JsonObject = {"role": "assistant", "content": text, "refusal": None}
    if failure == "refusal":
        message |= {"content": None, "refusal": "Não posso ajudar com isso."}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _FINISH.get(failure or "", "stop"),
    }
    return answer(
        200,
        {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [] if failure == "no_choices" else [choice],
            **({"usage": _usage(body, text)} if model.usage else {}),
        },
    )


def _fail(failure: str | None) -> None:
    if failure == "busy":
        raise _refuse(429, "Rate limit reached.", "requests", "rate_limit_exceeded")
    if failure == "broken":
        raise _refuse(500, "The server had an error.", "server_error")
    if failure == "unauthorized":
        raise _refuse(
            401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"
        )
    if failure == "refused":
        raise _refuse(400, "Unsupported parameter.", "invalid_request_error")


def _usage(body: JsonObject, text: str) -> JsonObject:
    """Four characters are about one token."""
    asked = len(orjson.dumps(body["messages"])) // 4
    wrote = len(text) // 4
    return {"prompt_tokens": asked, "completion_tokens": wrote, "total_tokens": asked + wrote}
