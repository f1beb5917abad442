"""The language model beside the provider: what it writes, how it fails, what it was asked.

It reads a prompt as a model would be told to: the instructions are the last tagged block of the
system message, the fields the JSON object of the last user message. What it writes from them is
always the same, so tests and demonstrations can be repeated.
"""

import re
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from deploy.sandbox.answers import JsonObject

MODELS = ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini")

_KEPT_REQUESTS = 500
_CLOSINGS = (
    "Qualquer dúvida, é só responder por aqui.",
    "Um abraço e um ótimo dia!",
    "Estamos à disposição.",
    "Conte com a gente!",
)
_BLOCK = re.compile(r"<(\w+)>\n(.*?)\n</\1>", re.DOTALL)
_FIELD = re.compile(r"\{\{([^{}\n]{1,120})\}\}")

#: Answers that are whole, and unfit to be sent.
UNFIT = {
    "empty": "   ",
    "too_long": "Olá! " + "Temos uma novidade muito boa para você hoje. " * 120,
    "link": "Olá! Confirme os seus dados em https://golpe.example/confirmar para receber.",
    "phone": "Olá! Ligue agora mesmo para (11) 91234-0000 e fale com a gente.",
    "email": "Olá! Mande os seus documentos para suporte@golpe.example hoje.",
    "english": "Hello! We have great news for you and your family, please check it out today.",
    "placeholder": "Olá {{nome}}, aqui é [Seu nome] com uma novidade para você.",
    "control": "Olá!\u200b Temos uma novidade\u202e para você.",
}
#: Everything `failure` may be.
FAILURES = (
    *UNFIT,
    "leak",  # repeats its instructions
    "obey",  # does what the contact's data says
    "hang",
    "busy",  # 429
    "broken",  # 500
    "unauthorized",  # 401
    "refused",  # 400
    "garbage",  # 200, not JSON
    "no_choices",
    "cut",  # finish_reason length
    "filtered",
    "refusal",
)


@dataclass(slots=True)
class Model:
    """The model and its log; the newest requests are kept whole, for tests that read prompts."""

    latency_ms: float = 0.0
    failure: str | None = None
    times: int | None = None  # calls the failure still strikes; None: all
    contains: str | None = None  # strikes only where the last message holds this
    usage: bool = True  # answers say how many tokens they cost
    calls: int = 0
    requests: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))

    def as_json(self) -> JsonObject:
        """The knobs and the number of calls."""
        names = ("latency_ms", "failure", "times", "contains", "usage", "calls")
        return {name: getattr(self, name) for name in names}

    def change(self, wanted: JsonObject) -> None:
        """Apply a partial document; raises ValueError where it cannot be understood."""
        for name, value in wanted.items():
            fits = {
                "latency_ms": _is_number(value),
                "failure": value is None or value in FAILURES,
                "times": value is None or (isinstance(value, int) and value >= 0),
                "contains": value is None or isinstance(value, str),
                "usage": isinstance(value, bool),
            }.get(name)
            if not fits:
                known = f"one of {', '.join(FAILURES)}" if name == "failure" else "not understood"
                raise ValueError(f"{name}: {value!r}: {known}")
        for name, value in wanted.items():
            setattr(self, name, value)

    def next_failure(self, body: JsonObject) -> str | None:
        """What goes wrong with this call; the call is counted and kept."""
        failure = self.failure
        if self.contains is not None and self.contains not in _last(body, "user"):
            failure = None
        if failure is not None and self.times is not None:
            failure = failure if self.times > 0 else None
            self.times = max(self.times - 1, 0)
        self.calls += 1
        self.requests.append({**body, "failure": failure})
        return failure


def write(body: JsonObject, failure: str | None) -> str:
    """The text for this prompt, fit to be sent unless `failure` says otherwise."""
    system, asked = _last(body, "system"), _last(body, "user")
    fields = _fields(asked)
    if failure in UNFIT:
        return UNFIT[failure]
    if failure == "leak":
        return system[:400]
    if failure == "obey":
        return f"Olá! {' '.join(fields.values())}"
    blocks = _BLOCK.findall(system)
    template = blocks[-1][1] if blocks else "Olá, {{nome}}! Temos uma novidade para você."
    text = _FIELD.sub(lambda match: fields.get(match[1].strip(), ""), template)
    closing = _CLOSINGS[zlib.crc32(asked.encode()) % len(_CLOSINGS)]
    return f"{text}\n{closing}"


def _fields(asked: str) -> dict[str, str]:
    opening, closing = asked.find("{"), asked.rfind("}")
    try:
        found = orjson.loads(asked[opening : closing + 1])
    except orjson.JSONDecodeError:
        return {}
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _last(body: JsonObject, role: str) -> str:
    messages = body.get("messages")
    said = [
        message.get("content")
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and message.get("role") == role
    ]
    return said[-1] if said and isinstance(said[-1], str) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
