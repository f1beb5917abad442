"""JSON out: orjson, UTF-8, instants as ISO 8601 with milliseconds and `Z`."""

from datetime import datetime
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

from shared.events.models import iso


class OrjsonProvider(JSONProvider):
    """What Flask uses for dictionaries that handlers return."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """As text."""
        del kwargs
        return dump(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Tests read answers with it; bodies are read by `api.body`."""
        del kwargs
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """A JSON answer."""
        return json_response(args[0] if args else kwargs, 200)


def use_orjson(app: Flask) -> None:
    """Make it the app's JSON."""
    app.json_provider_class = OrjsonProvider
    app.json = OrjsonProvider(app)


def dump(value: Any) -> bytes:
    """Bytes of a JSON document."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def json_response(
    value: Any, status: int = 200, *, content_type: str = "application/json"
) -> Response:
    """An answer with a JSON body."""
    return Response(dump(value), status, content_type=content_type)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(type(value).__name__)
