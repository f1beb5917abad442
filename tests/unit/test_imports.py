"""Each process imports what it uses: an idle stack stays light."""

import base64
import json
import subprocess
import sys

import pytest

_ENVIRONMENT = {
    "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "EVOLUTION_API_URL": "http://127.0.0.1:1",
    "EVOLUTION_API_KEY": "k",
    "JWT_SECRET": "j" * 40,
    "ENCRYPTION_KEY": base64.b64encode(b"k" * 32).decode(),
    "RAPIDFLOW_POOL__CHECKOUT_SECONDS": "0.1",  # there is no database to wait for
}
_EDGE_ONLY = {"flask", "gunicorn", "argon2", "limits", "jwt"}
_RARE = {
    "prompt_toolkit",
    "openai",
    "openpyxl",
    "python_calamine",
    "httpx",
    "yoyo",
    "supervisor",
    "limits",
    "opentelemetry",
    "requests",
}


def _imported(statements: str) -> set[str]:
    """Names of all modules of a fresh process that ran these statements."""
    code = f"{statements}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=_ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("statements", "needed", "forbidden"),
    [
        pytest.param(
            "import celery.apps.beat, worker.__main__, worker.clock",
            {"celery"},
            _EDGE_ONLY | _RARE | {"psycopg", "aiohttp", "phonenumbers", "worker.app"},
            id="beat",
        ),
        pytest.param(
            "import celery.apps.worker, worker.app, worker.tasks.send, worker.sender",
            {"aiohttp", "psycopg"},
            _EDGE_ONLY | _RARE | {"phonenumbers", "worker.dispatching"},
            id="worker",
        ),
        pytest.param(
            "import worker.app, worker.tasks.tick, worker.tasks.dispatch, worker.tasks.receipts",
            {"worker.dispatching", "psycopg"},
            _EDGE_ONLY | _RARE | {"worker.sender", "uvloop"},
            id="control",
        ),
        pytest.param(
            "import api.wsgi; api.wsgi.sockets()",
            {"flask_sock", "redis"},
            _RARE | {"celery", "kombu", "aiohttp", "api.app", "api.routes.campaigns"},
            id="gateway",
        ),
        pytest.param(
            "import api.wsgi; api.wsgi.rest()",
            {"api.routes.campaigns", "phonenumbers"},
            _RARE | {"celery", "kombu", "aiohttp"},
            id="api",
        ),
    ],
)
def test_a_process_does_not_import_what_it_does_not_use(
    statements: str, needed: set[str], forbidden: set[str]
) -> None:
    imported = _imported(statements)
    assert needed <= imported
    assert not forbidden & imported
