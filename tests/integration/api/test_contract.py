"""Schemathesis asks every operation of /openapi.json odd things; what it hears must be described.

The same requests every time: the seed is fixed. Each operation has a tenant of its own, with a plan
that does not get in the way, a campaign and an instance that exist, and asks by real ids as well as
by made-up ones.
"""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import jwt
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.openapi.document import build_document
from api.runtime import Runtime
from shared.db import users
from shared.db.pool import tenant_transaction
from shared.settings import Settings, load_settings
from tests.integration.api.conftest import PASSWORD, Person, campaign_body
from tests.sandbox_process import Sandbox

EXAMPLES = 50
METRICS_TOKEN = "m" * 32
SUCCESS = {200, 201}
#: Succeed only after something else: a pause, a failure, a sign-in whose token is in the body; or
#: take the password away that the other operations sign in with.
NEVER_ALONE = {
    "POST /api/auth/password",
    "POST /api/campaigns/{reference}/resume",
    "POST /api/campaigns/{reference}/retry-failed",
    "POST /api/auth/refresh",
}
#: A key may not do these.
_NO_KEY = {
    "POST /api/keys",
    "POST /api/erasures",
    "POST /api/auth/logout",
    "POST /api/auth/password",
    "POST /api/users",
    "PATCH /api/users/{user_id}",
}
CALLBACKS = ("update-status", "progress", "complete")
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


#: Too long is a refusal as well.
_CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": ["4xx", "503"]}}}
)


def _document() -> dict[str, Any]:
    """Of an app that never opens a connection: names of operations are needed to collect tests."""
    nowhere = "http://127.0.0.1:1"
    settings = load_settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        evolution_api_url=nowhere,
        evolution_api_key="none",
        jwt_secret="j" * 40,
        encryption_key=base64.b64encode(b"k" * 32).decode(),
        log_dir=Path("logs"),
        _env_file=None,
    )
    return build_document(create_app(settings), base_url=nowhere, version="0")


DOCUMENT = _document()
LABELS = [
    f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods
]


@pytest.fixture
def operation_of(app: Flask) -> Callable[[str], APIOperation]:
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=_CONFIG)
    schema.app = app

    def find(label: str) -> APIOperation:
        found = schema.find_operation_by_label(label)
        assert found is not None
        return found

    return find


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    """With a metrics token: the simulated client has no address to be let in by."""
    return settings_for(metrics_token=METRICS_TOKEN)


@dataclass(frozen=True, slots=True)
class World:
    """What exists for an operation to find, and who asks."""

    owner: Person
    parts: Runtime
    webhook_secret: str
    path_parameters: dict[str, Any]
    external: str
    callback_token: str
    doubtful: str

    def headers(self, label: str) -> dict[str, str]:
        """Credentials as the operation wants them; made anew, since it may end them."""
        if label in _NO_KEY:  # not with a key
            return _bearer(self._access_token())
        if label in ("GET /metrics", "GET /health/ready"):
            return _bearer(METRICS_TOKEN)
        if label.endswith(CALLBACKS):
            return {"X-Callback-Token": self.callback_token}
        if label.startswith("POST /webhooks/evolution"):
            now = datetime.now(UTC)
            claims = {"iat": now, "exp": now + timedelta(minutes=10), "app": "evolution"}
            return _bearer(jwt.encode(claims, self.webhook_secret, "HS256"))
        return {"X-API-Key": self.owner.key}

    def bodies(self, label: str) -> list[Any]:
        """Bodies that are accepted, beside those made up from the schema."""
        listed = {"contacts": campaign_body()["contacts"]}
        reported = "POST /api/campaigns/{reference}"
        good: dict[str, list[Any]] = {
            "POST /api/campaigns": [campaign_body(), campaign_body(config={"delayMax": 1})],
            "POST /api/campaigns/{reference}/doubts/decide": [
                {"decision": "sent", "all": True},
                {"decision": "resend", "positions": [0], "note": "não chegou"},
            ],
            "POST /api/campaigns/preview": [listed],
            "POST /api/campaigns/check": [listed],
            "POST /webhook/prisma-campaign": [{"test": True}, listed],
            f"{reported}/update-status": [{"phone": "11980000000", "status": "sent"}],
            f"{reported}/progress": [{"currentPosition": 1, "sent": 1, "errors": 0}],
            f"{reported}/complete": [{"totalSent": 1, "totalErrors": 0}],
            "POST /api/auth/login": [{"email": self.owner.email, "password": PASSWORD}],
            "POST /api/instances": [{"name": "contract-new"}],
            "POST /api/erasures": [{"telefone": "(11) 98000-0000"}],
            "POST /api/suppressions": [{"telefones": ["(11) 99999-0001", "+351 912 345 678"]}],
            "POST /api/users": [{"email": "contract@example.com", "password": PASSWORD}],
            "PATCH /api/users/{user_id}": [{"role": "admin"}, {"disabled": True}],
            "POST /webhooks/evolution/{public_id}": [
                {
                    "event": "connection.update",
                    "instance": self.path_parameters["name"],
                    "data": {"state": "open"},
                    "date_time": "2026-01-01T00:00:00Z",
                }
            ],
        }
        return good.get(label, [])

    def places(self, label: str) -> dict[str, Any]:
        """Real values of path parameters: a callback speaks of the external campaign, and one
        that was complete before it had reported anything is full of doubts."""
        if label.endswith(CALLBACKS):
            return {**self.path_parameters, "reference": self.external}
        if "/doubts" in label:
            return {**self.path_parameters, "reference": self.doubtful}
        return self.path_parameters

    def _access_token(self) -> str:
        tenant_id, user_id = self.owner.tenant.tenant_id, self.owner.tenant.user_id
        with tenant_transaction(self.parts.pool, tenant_id) as conn:
            user = users.find_user(conn, tenant_id, user_id)
        assert user is not None
        return self.parts.tokens.issue(
            tenant_id=tenant_id,
            user_id=user_id,
            session_epoch=user.session_epoch,
            family_id=uuid.uuid4(),
        )


@pytest.fixture
def world(owner: Person, person: Callable[..., Person], parts: Runtime, sandbox: Sandbox) -> World:
    """A campaign, an instance that is open in the sandbox, and somebody else's API key."""
    name = f"contract-{uuid.uuid4().hex[:10]}"
    sandbox.create_instance(name)
    adopted = owner.post("/api/instances", {"name": name, "adopt": True})
    assert adopted.status_code == 201, adopted.text
    webhook = sandbox.client.get(f"/webhook/find/{name}").json()
    campaign = owner.create()["campaign"]
    external, doubtful = owner.create(executor="external"), owner.create(executor="external")
    over = owner.client.post(
        f"/api/campaigns/{doubtful['campaign']['campaign_id']}/complete",
        json={"totalSent": 0, "totalErrors": 0},
        headers={"X-Callback-Token": doubtful["callback"]["token"]},
    )
    assert over.status_code == 200, over.text
    person("operator", tenant=owner.tenant)
    colleague = person("viewer", tenant=owner.tenant)
    owner.post("/api/suppressions", {"telefones": ["11999990000"]})
    listed = owner.get("/api/suppressions").get_json()["suppressions"]
    keys = owner.get("/api/keys").get_json()["keys"]
    return World(
        owner,
        parts,
        webhook["headers"]["jwt_key"],
        {
            "reference": campaign["campaign_id"],
            "name": name,
            "public_id": adopted.get_json()["instance"]["public_id"],
            "user_id": colleague.tenant.user_id,
            "suppression_id": listed[0]["id"],
            "key_id": max(key["id"] for key in keys if key["user_id"] != owner.tenant.user_id),
        },
        external["campaign"]["campaign_id"],
        external["callback"]["token"],
        doubtful["campaign"]["campaign_id"],
    )


# The threads of the app's own pools draw random waits while Hypothesis makes a case.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("label", LABELS)
def test_every_answer_is_as_described(
    label: str, operation_of: Callable[[str], APIOperation], world: World
) -> None:
    operation = operation_of(label)
    answered: set[int] = set()

    @settings_of(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(_ways(operation, label, world)))
    def ask(case: schemathesis.Case) -> None:
        world.parts.redis.flushdb()  # limits by the hour are tested elsewhere
        world.parts.exports = BoundedSemaphore(4)  # the simulated client never hangs up
        headers = world.headers(label)
        response = case.call(headers=headers)
        answered.add(response.status_code)
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()
    assert answered & SUCCESS or label in NEVER_ALONE, answered


def _ways(operation: APIOperation, label: str, world: World) -> list[Any]:
    """Made-up and existing ids; good bodies, made-up good ones and bad ones."""
    real = {
        name: value
        for name, value in world.places(label).items()
        if f"{{{name}}}" in operation.path
    }
    places = [real, None] if real else [None]
    ways = [
        operation.as_strategy(GenerationMode.POSITIVE, path_parameters=real or None, body=body)
        for body in world.bodies(label)
    ]
    ways += [operation.as_strategy(GenerationMode.POSITIVE, path_parameters=at) for at in places]
    if operation.body or operation.query:
        ways += [
            operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=at) for at in places
        ]
    return ways


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
