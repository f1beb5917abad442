"""`python -m api.openapi`: `/openapi.json` on standard output, without settings or connections.

The console's types are made from it.
"""

import base64
import sys

from api.app import create_app
from api.json import dump
from api.openapi.document import build_document
from api.runtime import VERSION, runtime
from shared.settings import Settings


def document() -> bytes:
    """As an installation on this machine would answer it."""
    nobody = "x" * 40
    settings = Settings.model_validate(
        {
            "database_url": "postgresql://localhost/rapidflow",
            "redis_url": "redis://localhost/0",
            "evolution_api_url": "http://localhost:8080",
            "evolution_api_key": nobody,
            "jwt_secret": nobody,
            "encryption_key": base64.b64encode(b"k" * 32).decode(),
        }
    )
    app = create_app(settings)
    return dump(build_document(app, base_url=runtime(app).settings.base_url, version=VERSION))


if __name__ == "__main__":
    sys.stdout.buffer.write(document())
